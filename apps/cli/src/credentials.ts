import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { invalid } from '@gantry/platform/errors';

/** Where the control plane is, and an API token for it. */
export interface Credentials {
  readonly url: string;
  readonly token: string;
}

const path = (): string => join(process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'gantry', 'credentials.json');

/** GANTRY_URL and GANTRY_TOKEN, for CI, win over what `gantry login` saved. */
export async function readCredentials(): Promise<Credentials> {
  const { GANTRY_URL, GANTRY_TOKEN } = process.env;
  if (GANTRY_URL && GANTRY_TOKEN) return { url: GANTRY_URL, token: GANTRY_TOKEN };
  const text = await readFile(path(), 'utf8').catch((cause) => {
    throw invalid('not signed in: run `gantry login URL`, or set GANTRY_URL and GANTRY_TOKEN', { cause });
  });
  const { url, token }: Partial<Credentials> = JSON.parse(text);
  if (!url || !token) throw invalid(`${path()} holds no url and token: run \`gantry login URL\` again`);
  return { url, token };
}

export async function saveCredentials(credentials: Credentials): Promise<string> {
  await mkdir(dirname(path()), { recursive: true, mode: 0o700 });
  await writeFile(path(), `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  return path();
}
