import { EngineError } from '@gantry/engine-api/protocol';
import type { Mount } from '@gantry/runtime/containers';

type BindMount = Extract<Mount, { type: 'bind' }>;
type VolumeMount = Extract<Mount, { type: 'volume' }>;
type Propagation = BindMount['propagation'];

const propagations: readonly Propagation[] = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
/** Accepted and without meaning here: SELinux relabelling, macOS file sharing. */
const ignoredModes = new Set(['z', 'Z', 'cached', 'delegated', 'consistent', '']);
const volumeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

interface Modes {
  readOnly: boolean;
  copyUp: boolean;
  propagation: Propagation;
}

function parseModes(text: string, spec: string): Modes {
  const modes: Modes = { readOnly: false, copyUp: true, propagation: 'rprivate' };
  for (const mode of text.split(',')) {
    const propagation = propagations.find((known) => known === mode);
    if (mode === 'ro') modes.readOnly = true;
    else if (mode === 'nocopy') modes.copyUp = false;
    else if (propagation !== undefined) modes.propagation = propagation;
    else if (mode !== 'rw' && !ignoredModes.has(mode)) throw new EngineError(400, `invalid mode: ${text}: in volume specification '${spec}'`);
  }
  return modes;
}

/** `docker run -v`: `/host:/path[:modes]`, `volume:/path[:modes]` or `/path`. */
export function parseBind(spec: string): BindMount | VolumeMount {
  const parts = spec.split(':');
  if (parts.length > 3 || parts.some((part) => part === '')) throw new EngineError(400, `invalid volume specification: '${spec}'`);
  const [source, target] = parts.length === 1 ? ['', parts[0]] : parts;
  if (source === undefined || target === undefined || !target.startsWith('/')) {
    throw new EngineError(
      400,
      `invalid volume specification: '${spec}': invalid mount config for type "volume": invalid mount path: '${target ?? ''}' mount path must be absolute`,
    );
  }
  if (target === '/')
    throw new EngineError(
      400,
      `invalid volume specification: '${spec}': invalid mount config for type "${source.startsWith('/') ? 'bind' : 'volume'}": invalid specification: destination can't be '/'`,
    );
  const modes = parseModes(parts[2] ?? '', spec);
  if (source.startsWith('/')) {
    return { type: 'bind', source, target, readOnly: modes.readOnly, propagation: modes.propagation, createSource: true, recursive: true };
  }
  if (source !== '' && !volumeName.test(source)) {
    throw new EngineError(
      400,
      `create ${source}: "${source}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  return { type: 'volume', source, target, readOnly: modes.readOnly, copyUp: modes.copyUp, subpath: '', driver: '', driverOptions: {}, labels: {} };
}

/** The same in reverse; null for a mount that only `--mount` can say. */
export function formatBind(mount: Mount): string | null {
  if (mount.type === 'bind') {
    if (!mount.createSource || !mount.recursive) return null;
    const modes = [mount.readOnly ? 'ro' : '', mount.propagation === 'rprivate' ? '' : mount.propagation].filter((mode) => mode !== '');
    return [mount.source, mount.target, ...(modes.length > 0 ? [modes.join(',')] : [])].join(':');
  }
  if (mount.type !== 'volume' || mount.source === '' || mount.subpath !== '' || Object.keys(mount.driverOptions).length > 0) return null;
  if (Object.keys(mount.labels).length > 0) return null;
  const modes = [mount.readOnly ? 'ro' : '', mount.copyUp ? '' : 'nocopy'].filter((mode) => mode !== '');
  return [mount.source, mount.target, ...(modes.length > 0 ? [modes.join(',')] : [])].join(':');
}
