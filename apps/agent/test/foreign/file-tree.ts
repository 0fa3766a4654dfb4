import { cliOutput } from '../daemon/run-cli.ts';

/** What an engine puts into every container, and what only exists while one runs. */
const excluded = ['dev', 'proc', 'sys', 'run', '.dockerenv', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf', 'etc/mtab'];

/**
 * Everything a directory holds, as a line for people and a digest of the rest: types, modes, owners, times, hard links, devices, extended attributes, bytes.
 * Times of the two directories an engine writes into are set to 0 first, and the mode of the root, which no layer has to name.
 */
export async function fileTree(directory: string): Promise<string> {
  const tar = [
    'tar --create --file=- --sort=name --numeric-owner --format=posix --one-file-system',
    "--xattrs --xattrs-include='*' --xattrs-exclude='trusted.*'",
    '--pax-option=exthdr.name=%d/%f,delete=atime,delete=ctime',
    ...excluded.map((path) => `--exclude=./${path}`),
    `--directory=${directory} .`,
  ].join(' ');
  const prune = excluded.map((path) => `-path ./${path}`).join(' -o ');
  const lines = `find . -xdev \\( ${prune} \\) -prune -o -printf '%y %m %U:%G %s %T@ %P -> %l\\n' | sed '/^d/s/^\\(d [^ ]* [^ ]*\\) [0-9]*/\\1/' | sort`;
  return cliOutput(`cd ${directory} && chmod 755 . && touch -d @0 . && { [ ! -d etc ] || touch -d @0 etc; } && ${lines} && ${tar} | sha256sum`, {
    socket: '/nonexistent',
    directory: '/',
    timeoutMs: 120_000,
  });
}
