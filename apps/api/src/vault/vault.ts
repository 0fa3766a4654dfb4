import { link, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { operational, whileTrying } from '@gantry/platform/errors';
import { writeFileDurably } from '@gantry/platform/node';
import type { Config } from '../config.ts';
import { Keyring } from './keyring.ts';

/** Injection token of the Vault. */
export const VAULT = Symbol('vault');

/** The keyring, or why there is none: a control plane without keys does everything but secrets and configs. */
export class Vault {
  readonly #keys: Keyring | null;

  constructor(keys: Keyring | null) {
    this.#keys = keys;
  }

  get keys(): Keyring {
    if (this.#keys !== null) return this.#keys;
    throw operational('unavailable', 'this control plane has no keys to encrypt with: set GANTRY_SECRET_KEY_FILE, or GANTRY_CONTROL_DIR for it to make one');
  }

  get isOpen(): boolean {
    return this.#keys !== null;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Of several that make the file at once, one wins and all read its keys. */
async function makeKeyFile(path: string): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  await mkdir(dirname(path), { recursive: true });
  await writeFileDurably(
    draft,
    `# Keys of Gantry's secrets. Without this file they can not be read: keep a copy apart from the database's.\n${Keyring.make()}\n`,
    {
      mode: 0o600,
    },
  );
  try {
    await link(draft, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function readKeyFile(path: string): Promise<Keyring> {
  return Keyring.parse(await readFile(path, 'utf8'), path);
}

/** Keys from the environment, else from the file; a file that nobody named is made when it is not there. */
export async function openVault({ secretKeys, secretKeyFile, controlDir }: Config): Promise<Vault> {
  if (secretKeys !== null) return new Vault(Keyring.parse(secretKeys, 'GANTRY_SECRET_KEYS'));
  const path = secretKeyFile ?? (controlDir === null ? null : `${controlDir}/secret-keys`);
  if (path === null) return new Vault(null);
  try {
    return new Vault(await readKeyFile(path));
  } catch (error) {
    if (!isCode(error, 'ENOENT') || secretKeyFile !== null) throw whileTrying(`read the keys of secrets in ${path}`, error);
  }
  await makeKeyFile(path).catch((cause: unknown) => {
    throw whileTrying(`make the keys of secrets in ${path}`, cause);
  });
  return new Vault(await readKeyFile(path));
}
