import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { busyboxArchive } from '@gantry/testing/images';
import { AgentProcess } from '../apps/agent/test/agent-process.ts';
import { Dockerd } from '../apps/agent/test/daemon/dockerd.ts';
import type { Bench, Case, Measure } from '../tools/bench/bench.ts';
import { build } from '../tools/build/build.ts';

const containers = 300;
const parallel = 20;
const megabytes = 200;
const logLines = 1_000_000;

/** One engine, driven by the docker command line of this host. */
interface Side {
  readonly socket: string;
  /** `$T` of its commands, with `blob` in it. */
  readonly directory: string;
}

/** Milliseconds a shell line takes; it must succeed. */
async function timed(side: Side, line: string): Promise<number> {
  const started = performance.now();
  const child = spawn('sh', ['-ec', line], {
    cwd: side.directory,
    env: { PATH: process.env.PATH, HOME: side.directory, DOCKER_HOST: `unix://${side.socket}`, T: side.directory },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString('utf8')).slice(-2_000);
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', reject);
  child.once('close', (code) => (code === 0 ? resolve(performance.now() - started) : reject(new Error(`${line}: exit code ${code}: ${errors.trim()}`))));
  return promise;
}

const inOrder = (count: number, line: string) => `for i in $(seq ${count}); do ${line}; done`;

async function prepare(socket: string, root: string, name: string): Promise<Side> {
  const side = { socket, directory: join(root, name) };
  await mkdir(side.directory);
  await timed(side, `docker load -i ${root}/bb.tar`);
  await timed(side, `head -c ${megabytes << 20} /dev/urandom >blob`);
  await timed(side, 'docker run -d --name target bb:1 sleep 100000');
  await timed(side, `docker create --name stopping bb:1 sh -c 'trap "exit 0" TERM; while :; do sleep 1000 & wait; done'`);
  await timed(
    side,
    `docker run --name talker --network none bb:1 sh -c 'yes line of a log that is long enough to look like one | head -n ${logLines}' >/dev/null`,
  );
  await timed(side, 'docker create --name files bb:1');
  await timed(side, 'docker cp -q blob files:/out');
  await timed(side, inOrder(containers, 'docker create --network none --name listed$i -l bench=listed bb:1 >/dev/null'));
  return side;
}

/**
 * A follower of the events sees the end of so many containers, run four at a time. It asks for those since before it came: whether it is connected when the
 * first ends is a matter of load.
 */
const followed = `docker events --since "$(date +%s.%N)" --filter event=destroy --filter label=bench=followed >seen & follower=$!
seq ${parallel} | xargs -P 4 -I{} docker run --rm --network none -l bench=followed bb:1 true
for i in $(seq 1000); do [ "$(wc -l <seen)" -lt ${parallel} ] || break; sleep 0.01; done
kill $follower`;

/** A shell line that fails unless the file has as many lines as there must be. */
const hasLines = (file: string, count: number) => `[ "$(wc -l <${file})" -eq ${count} ] || { echo "$(wc -l <${file}) lines, not ${count}" >&2; false; }`;

/** `after` is not timed: it takes away what the line left, and fails when that is not what it should be. */
const lines: readonly { readonly name: string; readonly line: string; readonly after?: string; readonly wanted: string }[] = [
  { name: 'docker run --rm (bridge)', line: 'docker run --rm bb:1 true', wanted: '<= 0.167' },
  { name: 'docker run --rm --network none', line: 'docker run --rm --network none bb:1 true', wanted: '<= 0.167' },
  { name: 'docker exec', line: 'docker exec target true', wanted: '<= 1' },
  { name: 'docker start, docker stop', line: 'docker start stopping; docker stop stopping', wanted: '<= 1' },
  {
    name: `docker ps -a, ${containers} containers`,
    line: 'docker ps -a >listed',
    after: `grep -c listed <listed >count; [ "$(cat count)" -eq ${containers} ]`,
    wanted: '<= 1',
  },
  {
    name: `${parallel} docker run -d at a time`,
    line: `for i in $(seq ${parallel}); do docker run -d --name p$i bb:1 sleep 1000 & pids="$pids $!"; done; for pid in $pids; do wait $pid; done`,
    after: `docker rm -f $(seq -f p%g ${parallel})`,
    wanted: '<= 1',
  },
  { name: `docker logs, ${logLines / 1e6}M lines`, line: 'docker logs talker >logged', after: hasLines('logged', logLines), wanted: '<= 1' },
  { name: `docker cp in, ${megabytes} MB`, line: 'docker cp -q blob files:/in', wanted: '<= 1' },
  { name: `docker cp out, ${megabytes} MB`, line: 'docker cp -q files:/out got', after: 'cmp blob got; rm got', wanted: '<= 1' },
  { name: `events of ${parallel} runs, 4 at a time, followed`, line: followed, after: hasLines('seen', parallel), wanted: '<= 1' },
];

export const bench: Bench = {
  name: 'engine',
  rounds: 7,
  open: async () => {
    await build(['executor']);
    const parts = new AsyncDisposableStack();
    try {
      const root = await mkdtemp(join(tmpdir(), 'bench-engine-'));
      parts.defer(() => rm(root, { recursive: true, force: true }));
      await writeFile(join(root, 'bb.tar'), await busyboxArchive({ reference: 'bb:1', cmd: ['sh'] }));
      const agent = await AgentProcess.create({ octet: 217 });
      parts.defer(() => agent.destroy());
      const dockerd = await Dockerd.create({ prefix: '10.227.0' });
      parts.defer(() => dockerd.destroy());
      await Promise.all([agent.start(), dockerd.start()]);
      const [ours, theirs] = [await prepare(agent.engineSocket, root, 'ours'), await prepare(dockerd.socket, root, 'theirs')];
      const measure =
        (side: Side, line: string, after: string | undefined): Measure =>
        async () => {
          const spent = await timed(side, line);
          if (after !== undefined) await timed(side, after);
          return spent;
        };
      const cases = lines.map(
        ({ name, line, after, wanted }): Case => ({
          name,
          unit: 'ms',
          ours: measure(ours, line, after),
          rival: { name: 'dockerd 20.10', measure: measure(theirs, line, after) },
          wanted,
        }),
      );
      return { cases, close: () => parts.disposeAsync() };
    } catch (error) {
      await parts.disposeAsync();
      throw error;
    }
  },
};
