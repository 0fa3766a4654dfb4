import type { ContainerLog } from '@gantry/contracts/executor';
import { invalid } from '@gantry/platform/errors';
import type { HostConfig } from './spec.ts';

const units: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };
/** json-file grows without end in Docker; a disk does not. */
const defaults = { 'json-file': { maxSizeBytes: 100 * 1024 ** 2, maxFiles: 2 }, local: { maxSizeBytes: 20 * 1024 ** 2, maxFiles: 5 } } as const;

function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (text.trim() === '-1') return 0;
  if (match === null) throw invalid(`invalid value for max-size: ${JSON.stringify(text)}`);
  return Math.floor(Number(match[1]) * (units[(match[2] ?? '').toLowerCase()] ?? 1));
}

/** Where and how far a container's output is kept; null for the `none` driver. Both other drivers write json-file's format. */
export function toContainerLog(logConfig: HostConfig['logConfig'], path: string): ContainerLog | null {
  if (logConfig.type === 'none') return null;
  const base = logConfig.type === 'local' ? defaults.local : defaults['json-file'];
  const { 'max-size': maxSize, 'max-file': maxFile } = logConfig.config;
  const maxFiles = maxFile === undefined ? base.maxFiles : Number(maxFile);
  if (!Number.isInteger(maxFiles) || maxFiles < 1) throw invalid(`invalid value for max-file: ${JSON.stringify(maxFile)}`);
  return { path, maxSizeBytes: maxSize === undefined ? base.maxSizeBytes : parseSize(maxSize), maxFiles };
}
