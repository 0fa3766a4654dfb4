/**
 * Runs the command list against another engine, dockerd for one, and prints where it answers otherwise than the list says.
 *   node apps/agent/test/daemon/compare-with-dockerd.ts /run/docker.sock
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { busyboxArchive } from '@gantry/testing/images';
import { scenarios } from './cli-cases.ts';
import { differences, runCli } from './run-cli.ts';

const [socket, only] = process.argv.slice(2);
if (socket === undefined) throw new Error('usage: compare-with-dockerd.ts SOCKET [SCENARIO]');
const directory = mkdtempSync(join(tmpdir(), 'compare-'));
const archive = await busyboxArchive({ reference: 'bb:1', cmd: ['sh'] });
spawnSync('docker', ['-H', `unix://${socket}`, 'load'], { input: archive });
let checked = 0;
let different = 0;
for (const scenario of scenarios) {
  if (only !== undefined && scenario.name !== only) continue;
  for (const wanted of scenario.cases) {
    const found = differences(wanted, await runCli(wanted.run, { socket, directory }));
    checked++;
    if (found.length === 0) continue;
    different++;
    console.log(`${scenario.name}: ${wanted.run}\n  ${found.join('\n  ')}${wanted.unlikeDockerd20 ? `\n  (known: ${wanted.unlikeDockerd20})` : ''}`);
  }
}
console.log(`${checked} commands, ${different} answered otherwise`);
rmSync(directory, { recursive: true, force: true });
