import type { TaskSpec } from '@gantry/contracts/http-api';
import { CopyButton } from '@gantry/ui/copy-button';
import { Fact, FactList } from '@gantry/ui/fact-list';
import { formatBytes, formatCpus } from '../lib/format.ts';

/** What a service wants of each task, or what one task was made from. */
export function TaskSpecFacts({ spec }: { spec: TaskSpec }) {
  const { limits, reservations } = spec.resources;
  const { condition, delayMs, maxAttempts } = spec.restartPolicy;
  return (
    <FactList>
      <Fact label="Image" isWide>
        <span className="flex items-center gap-1 font-mono text-xs">
          <span className="break-all">{spec.image}</span>
          <CopyButton text={spec.image} label="image" />
        </span>
      </Fact>
      {spec.entrypoint && <CodeFact label="Entrypoint" lines={[spec.entrypoint.join(' ')]} />}
      {spec.command && <CodeFact label="Command" lines={[spec.command.join(' ')]} />}
      {spec.env.length > 0 && <CodeFact label="Environment" lines={spec.env} />}
      {spec.mounts.length > 0 && (
        <CodeFact label="Mounts" lines={spec.mounts.map((mount) => `${mount.source || mount.type} → ${mount.target}${mount.readOnly ? ' (read-only)' : ''}`)} />
      )}
      {spec.placement.constraints.length > 0 && <CodeFact label="Placement" lines={spec.placement.constraints} />}
      <Fact label="CPU">{resourceText(limits.nanoCpus, reservations.nanoCpus, formatCpus)}</Fact>
      <Fact label="Memory">{resourceText(limits.memoryBytes, reservations.memoryBytes, formatBytes)}</Fact>
      <Fact label="Restart">
        {condition === 'none'
          ? 'Never'
          : `${condition === 'any' ? 'Always' : 'On failure'}, after ${delayMs / 1000} s${maxAttempts ? `, at most ${maxAttempts} times` : ''}`}
      </Fact>
      <Fact label="Health check">{spec.healthcheck ? <code className="font-mono text-xs">{spec.healthcheck.test.join(' ')}</code> : 'None'}</Fact>
    </FactList>
  );
}

function CodeFact({ label, lines }: { label: string; lines: readonly string[] }) {
  return (
    <Fact label={label} isWide>
      <span className="flex flex-col gap-0.5 py-1 font-mono text-xs">
        {lines.map((line) => (
          <code key={line} className="break-all">
            {line}
          </code>
        ))}
      </span>
    </Fact>
  );
}

function resourceText(limit: number | undefined, reserved: number, format: (amount: number) => string): string {
  const parts = [reserved > 0 && `${format(reserved)} reserved`, limit !== undefined && `at most ${format(limit)}`].filter(Boolean);
  return parts.length > 0 ? parts.join(', ') : 'Unlimited';
}
