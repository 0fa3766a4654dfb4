import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type TarFile, toTar } from './tar.ts';

export interface BusyboxImage {
  /** `name:tag` */
  readonly reference: string;
  readonly cmd: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly env?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly files?: readonly TarFile[];
}

const applets =
  'awk cat chmod date dd echo env false grep head hostname httpd id ifconfig ip kill ls mkdir nc nslookup ping ps pwd rm sed seq sh sleep sort stat stty tail test touch true tty uname wc wget whoami yes'.split(
    ' ',
  );

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** What `docker load` takes: an image of one layer around this host's static busybox (Debian's busybox-static). No registry is needed. */
export async function busyboxArchive(image: BusyboxImage): Promise<Buffer> {
  const layer = toTar([
    ...['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp', 'var', 'www'].map((path) => ({
      path: `${path}/`,
      mode: path === 'tmp' ? 0o1777 : 0o755,
      isDirectory: true,
    })),
    { path: 'bin/busybox', mode: 0o755, content: await readFile('/bin/busybox') },
    ...applets.map((name) => ({ path: `bin/${name}`, mode: 0o777, linkTarget: 'busybox' })),
    { path: 'etc/passwd', content: Buffer.from('root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n') },
    { path: 'etc/group', content: Buffer.from('root:x:0:\nnobody:x:65534:\n') },
    ...(image.files ?? []),
  ]);
  const config = Buffer.from(
    JSON.stringify({
      architecture: architectures[process.arch] ?? process.arch,
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: {
        Env: ['PATH=/bin', ...(image.env ?? [])],
        Cmd: image.cmd,
        ...(image.entrypoint ? { Entrypoint: image.entrypoint } : {}),
        ...(image.labels ? { Labels: image.labels } : {}),
        ...(image.stopSignal ? { StopSignal: image.stopSignal } : {}),
      },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest(layer)}`] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'busybox' }],
    }),
  );
  const manifest = [{ Config: `${digest(config)}.json`, RepoTags: [image.reference], Layers: [`${digest(layer)}/layer.tar`] }];
  return toTar([
    { path: `${digest(config)}.json`, content: config },
    { path: `${digest(layer)}/layer.tar`, content: layer },
    { path: 'manifest.json', content: Buffer.from(JSON.stringify(manifest)) },
  ]);
}
