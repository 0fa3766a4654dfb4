import { readFile } from 'node:fs/promises';
import { Advice } from '../process/report.ts';
import { run } from '../process/run.ts';
import { ensurePackages } from './debian-packages.ts';

/** apps/agent/executor/Cargo.toml's rust-version. */
const oldest = [1, 85] as const;

export async function rustVersion(): Promise<readonly [number, number] | null> {
  const found = await run('cargo', ['--version']).catch(() => null);
  const match = found?.code === 0 ? /cargo (\d+)\.(\d+)/.exec(found.output) : null;
  return match ? [Number(match[1]), Number(match[2])] : null;
}

const isEnough = (version: readonly [number, number] | null): boolean =>
  version !== null && (version[0] > oldest[0] || (version[0] === oldest[0] && version[1] >= oldest[1]));

interface PackageNames {
  readonly compiler: readonly string[];
  readonly linters: readonly string[];
}

/** Debian 12's plain rustc is too old; it carries a current one under another name. */
async function packageNames(): Promise<PackageNames> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /VERSION_ID="?12/.test(release)
    ? { compiler: ['rustc-web', 'cargo-web'], linters: ['rustfmt-web', 'rust-web-clippy'] }
    : { compiler: ['rustc', 'cargo'], linters: ['rustfmt', 'rust-clippy'] };
}

const runs = async (subcommand: string): Promise<boolean> => (await run('cargo', [subcommand, '--version'])).code === 0;

export async function ensureRust(): Promise<void> {
  if (isEnough(await rustVersion())) return;
  await ensurePackages((await packageNames()).compiler);
  const version = await rustVersion();
  if (!isEnough(version))
    throw new Advice(
      `Building the executor needs Rust ${oldest.join('.')} or newer; this host has ${version?.join('.') ?? 'none'}. Install it (https://rustup.rs) and start again.`,
    );
}

/** What `npm run check` needs on top; rustup brings both with the compiler. */
export async function ensureRustLinters(): Promise<void> {
  if ((await runs('fmt')) && (await runs('clippy'))) return;
  await ensurePackages((await packageNames()).linters);
}
