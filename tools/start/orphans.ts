import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProcessIdentity, signalProcess, untilGone } from '../process/process-identity.ts';

const fromFile = async (path: string): Promise<ProcessIdentity | null> => {
  try {
    // Written by Child.start; a file cut short by a crash does not parse and names nobody.
    const found: ProcessIdentity = JSON.parse(await readFile(path, 'utf8'));
    return Number.isInteger(found.pid) ? found : null;
  } catch {
    return null;
  }
};

/** What a killed `npm start` left running; agents before the rest, Postgres last, as in an orderly stop. */
const order = ['agent.pid', 'web.pid', 'api.pid', 'postgres.pid'];

export async function stopOrphans(dataDir: string): Promise<string[]> {
  const run = join(dataDir, 'run');
  const names = (await readdir(run).catch(() => [])).filter((name) => name.endsWith('.pid'));
  names.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const stopped: string[] = [];
  for (const name of names) {
    const identity = await fromFile(join(run, name));
    // SIGINT is Postgres's word for "now, but orderly"; it waits for clients on SIGTERM.
    if (identity && (await signalProcess(identity, name === 'postgres.pid' ? 'SIGINT' : 'SIGTERM'))) {
      if (!(await untilGone(identity, 10_000))) await signalProcess(identity, 'SIGKILL');
      await untilGone(identity, 5_000);
      stopped.push(name.replace('.pid', ''));
    }
    await rm(join(run, name), { force: true });
  }
  return stopped;
}
