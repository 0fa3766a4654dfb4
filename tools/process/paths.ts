import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '..', '..');

export const binary = (name: string): string => join(root, 'node_modules', '.bin', name);

/** Where setup puts what tests need from PyPI: modules, and programs in bin/. */
export const pythonPackages = join(root, '.tools', 'python');

/** Everything these scripts start finds the same Node first, whatever the host's own is. */
export function environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const path = [join(process.execPath, '..'), process.env.PATH ?? '', join(process.env.HOME ?? '/root', '.cargo', 'bin')].join(':');
  return { ...process.env, PATH: path, NX_DAEMON: 'false', NEXT_TELEMETRY_DISABLED: '1', ...extra };
}
