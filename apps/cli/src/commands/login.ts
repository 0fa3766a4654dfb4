import { hostname } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { invalid, operational } from '@gantry/platform/errors';
import { createClient } from '../client.ts';
import { saveCredentials } from '../credentials.ts';

export interface LoginOptions {
  readonly email: string;
  readonly passwordStdin: boolean;
}

async function askPassword(email: string): Promise<string> {
  if (!process.stdin.isTTY) throw invalid('no terminal to ask for the password: use --password-stdin');
  process.stderr.write(`Password of ${email}: `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await prompt.question('');
  } finally {
    prompt.close();
    process.stderr.write('\n');
  }
}

/** oRPC's client shows bodies, not headers, so this one call is made by hand. */
async function signIn(url: string, email: string, password: string): Promise<string> {
  const response = await fetch(new URL('/api/v1/account/sign-in', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  }).catch((cause) => {
    throw operational('unavailable', `reach ${url}`, { cause });
  });
  if (!response.ok) throw invalid(response.status === 401 ? 'wrong email or password' : `sign-in was refused with HTTP ${response.status}`);
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';', 1)[0])
    .join('; ');
}

/** Signs in once to make an API token for this machine; the password is not kept. */
export async function login(url: string, { email, passwordStdin }: LoginOptions): Promise<void> {
  const password = passwordStdin ? (await text(process.stdin)).trimEnd() : await askPassword(email);
  const cookie = await signIn(url, email, password);
  const client = createClient(url, { cookie, origin: new URL(url).origin });
  const { secret } = await client.account.createToken({ name: `gantry on ${hostname()}`, role: 'admin' });
  console.log(`Signed in to ${url} as ${email}; the token is in ${await saveCredentials({ url, token: secret })}`);
}
