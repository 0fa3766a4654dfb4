import { z } from 'zod';

const text = z.string();

export const HealthRecord = z.object({
  status: z.enum(['starting', 'healthy', 'unhealthy']),
  failingStreak: z.number(),
  log: z.array(z.object({ start: text, end: text, exitCode: z.number(), output: text })).readonly(),
});

/** What is true of a container until the host goes down, written down so that it outlives the agent. */
export const RunRecord = z.object({
  health: HealthRecord.nullable(),
  /** Process of a health probe under way: nobody waits for it any more once the agent is gone. */
  probeId: text.nullable(),
  /** The restart policy's last wait, without its spread. */
  lastDelayMs: z.number(),
  /** When the policy starts it again; null: it is not waiting for that. Milliseconds since 1970. */
  restartAtMs: z.number().nullable(),
});
export type RunRecord = z.infer<typeof RunRecord>;

export const idleRun: RunRecord = { health: null, probeId: null, lastDelayMs: 0, restartAtMs: null };

const TerminalSize = z.object({ height: z.number(), width: z.number() });

export const ExecRecord = z.object({
  id: text,
  containerId: text,
  spec: z.object({
    cmd: z.array(text).readonly(),
    env: z.array(text).readonly().exactOptional(),
    workingDir: text.exactOptional(),
    user: text.exactOptional(),
    tty: z.boolean().exactOptional(),
    attachStdin: z.boolean().exactOptional(),
    attachStdout: z.boolean().exactOptional(),
    attachStderr: z.boolean().exactOptional(),
    privileged: z.boolean().exactOptional(),
    consoleSize: TerminalSize.exactOptional(),
    detachKeys: text.exactOptional(),
  }),
  isRunning: z.boolean(),
  hasStarted: z.boolean(),
  exitCode: z.number().nullable(),
  pid: z.number(),
  /** Milliseconds since 1970; 0: it has not ended. */
  endedAtMs: z.number(),
  /** A health probe: of no interest to anyone after its end. */
  isProbe: z.boolean(),
});
export type ExecRecord = z.infer<typeof ExecRecord>;
