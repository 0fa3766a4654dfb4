import { invalid } from '@gantry/platform/errors';
import type { ImageProcessConfig } from '@gantry/runtime/images';
import type { ContainerRecord } from './container-record.ts';
import { parseSignal } from './signals.ts';
import type { ContainerSpec, Healthcheck } from './spec.ts';

const nsPerMs = 1_000_000;
export const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const nameOf = (entry: string) => entry.split('=', 1)[0] ?? entry;

/** The image's environment under the spec's; an entry without `=` takes the variable away. */
export function mergeEnv(base: readonly string[], over: readonly string[]): string[] {
  const merged = new Map<string, string>();
  for (const entry of base) merged.set(nameOf(entry), entry);
  for (const entry of over) {
    if (entry.includes('=')) merged.set(nameOf(entry), entry);
    else merged.delete(entry);
  }
  return [...merged.values()];
}

function fromImageHealthcheck(image: ImageProcessConfig): Healthcheck | null {
  const check = image.Healthcheck;
  if (check == null) return null;
  const ms = (ns: number | undefined) => Math.round((ns ?? 0) / nsPerMs);
  return {
    test: check.Test ?? [],
    intervalMs: ms(check.Interval),
    timeoutMs: ms(check.Timeout),
    startPeriodMs: ms(check.StartPeriod),
    startIntervalMs: ms(check.StartInterval),
    retries: check.Retries ?? 0,
  };
}

/** The spec's values where it has some, the image's elsewhere; null when there is no check, or it is ["NONE"]. */
function mergeHealthcheck(spec: Healthcheck | null, image: Healthcheck | null): Healthcheck | null {
  const merged: Healthcheck | null =
    spec === null || image === null
      ? (spec ?? image)
      : {
          test: spec.test.length > 0 ? spec.test : image.test,
          intervalMs: spec.intervalMs || image.intervalMs,
          timeoutMs: spec.timeoutMs || image.timeoutMs,
          startPeriodMs: spec.startPeriodMs || image.startPeriodMs,
          startIntervalMs: spec.startIntervalMs || image.startIntervalMs,
          retries: spec.retries || image.retries,
        };
  return merged === null || merged.test.length === 0 || merged.test[0] === 'NONE' ? null : merged;
}

/** A container's process: what was asked for over what the image says. An entrypoint of one's own drops the image's command. */
export function resolveProcess(spec: ContainerSpec, image: ImageProcessConfig, defaults: { stopTimeoutSeconds: number }): ContainerRecord['process'] {
  const entrypoint = spec.entrypoint ?? image.Entrypoint ?? [];
  const imageCmd = spec.entrypoint === null ? (image.Cmd ?? []) : [];
  const cmd = spec.cmd !== null && spec.cmd.length > 0 ? spec.cmd : imageCmd;
  // `--entrypoint ""` sends [""].
  const args = [...entrypoint.filter((word, index) => index > 0 || word !== ''), ...cmd];
  if (args.length === 0) throw invalid('no command specified');
  const stopSignal = spec.stopSignal || image.StopSignal || 'SIGTERM';
  parseSignal(stopSignal);
  const imageEnv = image.Env ?? [];
  return {
    entrypoint: [...entrypoint],
    cmd: [...cmd],
    args,
    env: mergeEnv(imageEnv.some((entry) => nameOf(entry) === 'PATH') ? imageEnv : [defaultPath, ...imageEnv], spec.env),
    workingDir: spec.workingDir || image.WorkingDir || '',
    user: spec.user || image.User || '',
    stopSignal,
    stopTimeoutSeconds: spec.stopTimeoutSeconds ?? image.StopTimeout ?? defaults.stopTimeoutSeconds,
    healthcheck: mergeHealthcheck(spec.healthcheck, fromImageHealthcheck(image)),
    labels: { ...image.Labels, ...spec.labels },
    exposedPorts: [...new Set([...Object.keys(image.ExposedPorts ?? {}), ...spec.exposedPorts, ...Object.keys(spec.hostConfig.portBindings)])].map(
      withProtocol,
    ),
    volumes: [...new Set([...Object.keys(image.Volumes ?? {}), ...spec.volumes])],
  };
}

function withProtocol(port: string): string {
  return port.includes('/') ? port : `${port}/tcp`;
}
