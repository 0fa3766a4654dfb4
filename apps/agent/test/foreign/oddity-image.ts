import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tarEnd, tarFile, tarHeader } from '@gantry/oci/tar';

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const directory = (name: string, mode = 0o755) => tarHeader({ name, type: 'directory', mode });
/** CAP_NET_RAW, permitted and effective: version 2 of the kernel's format. */
const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');

/** What image builders get wrong, in two layers: written by hand, so that no other program has tidied it up. */
export async function oddityArchive(reference: string): Promise<Buffer> {
  const busybox = await readFile('/bin/busybox');
  const lower = Buffer.concat([
    directory('bin/'),
    tarFile('bin/busybox', busybox, { mode: 0o755 }),
    ...['sh', 'sleep', 'cat', 'ls', 'rm', 'ln', 'chmod', 'mkdir', 'stat'].map((name) =>
      tarHeader({ name: `bin/${name}`, type: 'symlink', linkName: 'busybox' }),
    ),
    directory('etc/'),
    directory('odd/'),
    directory('odd/sticky/', 0o1777),
    directory('odd/setgid/', 0o2755),
    directory('odd/closed/', 0o000),
    tarFile('odd/closed/inside', 'inside', { mode: 0o000 }),
    tarFile('odd/setuid', 'setuid', { mode: 0o4755 }),
    tarFile('odd/high-ids', 'ids', { uid: 3_000_000, gid: 3_000_001 }),
    tarFile('odd/capability', 'raw', { mode: 0o755, pax: { 'SCHILY.xattr.security.capability': capability } }),
    tarFile('odd/attribute', 'attribute', { pax: { 'SCHILY.xattr.user.bytes': Buffer.from([0, 1, 255, 10, 61]) } }),
    tarFile('odd/late', 'after 2038', { mtime: 4_000_000_000 }),
    tarFile('odd/empty', ''),
    tarFile(`odd/${'long'.repeat(60)}`, 'long name'),
    tarFile('odd/naïve ☃\nname', 'strange name'),
    tarHeader({ name: 'odd/dangling', type: 'symlink', linkName: '/nowhere/at/all' }),
    tarHeader({ name: 'odd/far', type: 'symlink', linkName: `../${'x'.repeat(120)}/${'y'.repeat(120)}` }),
    tarHeader({ name: 'odd/pipe', type: 'fifo', mode: 0o622 }),
    tarHeader({ name: 'odd/null', type: 'character', mode: 0o666, deviceMajor: 1, deviceMinor: 3 }),
    tarFile('odd/one', 'linked'),
    tarHeader({ name: 'odd/two', type: 'hardlink', linkName: 'odd/one' }),
    tarFile('odd/gone', 'gone'),
    tarFile('odd/was-a-file', 'file'),
    directory('odd/was-a-directory/'),
    tarFile('odd/was-a-directory/inside', 'inside'),
    directory('odd/opaque/'),
    tarFile('odd/opaque/old', 'old'),
    tarEnd,
  ]);
  const upper = Buffer.concat([
    directory('odd/'),
    tarFile('odd/.wh.gone', ''),
    tarFile('odd/.wh.was-a-file', ''),
    directory('odd/was-a-file/', 0o700),
    tarFile('odd/was-a-file/inside', 'inside'),
    tarFile('odd/.wh.was-a-directory', ''),
    tarHeader({ name: 'odd/was-a-directory', type: 'symlink', linkName: 'one' }),
    directory('odd/opaque/'),
    tarFile('odd/opaque/.wh..wh..opq', ''),
    tarFile('odd/opaque/new', 'new'),
    tarFile('odd/one', 'linked anew'),
    tarHeader({ name: 'odd/three', type: 'hardlink', linkName: 'odd/one' }),
    tarEnd,
  ]);
  const layers = [lower, upper];
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: { Env: ['PATH=/bin'], Cmd: ['sh'] },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${digest(layer)}`) },
    }),
  );
  const table = [{ Config: 'config.json', RepoTags: [reference], Layers: layers.map((layer) => `${digest(layer)}.tar`) }];
  return Buffer.concat([
    tarFile('config.json', config),
    ...layers.map((layer) => tarFile(`${digest(layer)}.tar`, layer)),
    tarFile('manifest.json', JSON.stringify(table)),
    tarEnd,
  ]);
}
