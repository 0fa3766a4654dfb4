import type { Exchange } from '@gantry/engine-api/http';
import { EngineError, parseTimestamp } from '@gantry/engine-api/protocol';
import { outputContentType } from '@gantry/engine-api/shapes';
import type { Container, LogEntry } from '@gantry/runtime/containers';
import type { Engine } from '../engine.ts';
import { getContainer } from '../lookup.ts';
import { OutputBatch } from './process-pump.ts';

function point(exchange: Exchange, name: string): bigint | null {
  const text = exchange.text(name);
  if (text === null || text === '0') return null;
  const time = parseTimestamp(text, Date.now());
  if (time === null) throw new EngineError(400, `invalid value for "${name}": ${text}`);
  return time;
}

function tailLines(exchange: Exchange): number | null {
  const tail = exchange.text('tail');
  return tail !== null && /^\d{1,15}$/.test(tail) ? Number(tail) : null;
}

/** The labels and variables that `--log-opt labels=… env=…` names, as `k=v,k2=v2`. */
function describeDetails(container: Container): string {
  const { config } = container.spec.hostConfig.logConfig;
  const names = (option: string) => (config[option] ?? '').split(',').filter((name) => name !== '');
  const details = new Map<string, string>();
  for (const name of names('labels')) {
    const value = container.process.labels[name];
    if (value !== undefined) details.set(name, value);
  }
  for (const name of names('env')) {
    const entry = container.process.env.find((variable) => variable.startsWith(`${name}=`));
    if (entry !== undefined) details.set(name, entry.slice(name.length + 1));
  }
  return [...details].map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join(',');
}

/** GET /containers/{name}/logs */
export async function containerLogs(engine: Engine, exchange: Exchange): Promise<void> {
  const streams = { stdout: exchange.boolean('stdout'), stderr: exchange.boolean('stderr') };
  if (!streams.stdout && !streams.stderr) throw new EngineError(400, 'Bad parameters: you must choose at least one stream');
  const container = getContainer(engine, exchange.param('name'));
  if (container.spec.hostConfig.logConfig.type === 'none') throw new EngineError(501, 'configured logging driver does not support reading');
  const since = point(exchange, 'since');
  const until = point(exchange, 'until');
  const tail = tailLines(exchange);
  const entries = engine.runtime.containers.logs(container.id, {
    ...streams,
    follow: exchange.boolean('follow'),
    signal: exchange.signal,
    ...(since === null ? {} : { since }),
    ...(until === null ? {} : { until }),
    ...(tail === null ? {} : { tail }),
  });
  const withTime = exchange.boolean('timestamps');
  const details = exchange.boolean('details') ? `${describeDetails(container)} ` : '';
  const decorate = (entry: LogEntry) => {
    const prefix = `${withTime ? `${entry.time} ` : ''}${details}`;
    return prefix === '' ? entry : { ...entry, bytes: Buffer.concat([Buffer.from(prefix), entry.bytes]) };
  };
  const output = exchange.startStream(outputContentType(exchange.version, container.spec.tty));
  const batch = new OutputBatch(output, !container.spec.tty);
  for await (const entry of entries) {
    if (output.destroyed) return;
    await batch.add(decorate(entry));
  }
  batch.flush();
  output.end();
}
