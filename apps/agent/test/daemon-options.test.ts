import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { busyboxArchive } from '@gantry/testing/images';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';
import { ask } from './daemon/raw-engine.ts';
import { runCli } from './daemon/run-cli.ts';

let agent: AgentProcess;
let directory: string;

const sh = (line: string) => runCli(line, { socket: agent.engineSocket, directory });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daemon-options-'));
  await mkdir(join(directory, 'bound'));
  await writeFile(join(directory, 'bound/file'), 'bound\n');
  agent = await AgentProcess.create({ octet: 231 });
  await agent.start();
  await agent.loadBusybox('bb:1', ['sh']);
  const files = [
    { path: 'data/', isDirectory: true },
    { path: 'data/sub/', isDirectory: true },
    { path: 'data/sub/file', content: Buffer.from('of the image\n') },
    { path: 'data/out', linkTarget: '/etc' },
  ];
  await agent.engine('POST', '/images/load', { type: 'application/x-tar', bytes: await busyboxArchive({ reference: 'data:1', cmd: ['sh'], files }) });
  const prepared = await sh(
    `docker volume create named && docker run --rm -v named:/v bb:1 sh -c 'mkdir -p /v/in/deep && echo deep >/v/in/deep/file && ln -s /etc /v/out && ln -s in /v/link'`,
  );
  expect(prepared, prepared.err).toMatchObject({ exit: 0 });
});
afterAll(async () => {
  await agent.destroy();
  await rm(directory, { recursive: true, force: true });
});

interface Case {
  readonly options: string;
  /** Run in the container. */
  readonly does?: string;
  readonly gives?: string | RegExp;
  /** Of a container that is refused. */
  readonly refused?: RegExp;
}

const cases: readonly Case[] = [
  { options: '--mount type=image,source=data:1,target=/m', does: 'cat /m/data/sub/file; touch /m/x 2>&1', gives: /^of the image\n.*Read-only file system/ },
  { options: '--mount type=image,source=data:1,target=/m,image-subpath=data/sub', does: 'ls /m', gives: 'file\n' },
  { options: '--mount type=image,source=data:1,target=/m,image-subpath=data/out', refused: /"data\/out".*is a symbolic link/ },
  { options: '--mount type=image,source=data:1,target=/m,image-subpath=../x', refused: /invalid subpath/ },
  { options: '--mount type=image,source=nosuch:1,target=/m', refused: /No such image: nosuch:1/i },
  { options: '--mount type=volume,source=named,target=/m,volume-subpath=in/deep', does: 'cat /m/file', gives: 'deep\n' },
  { options: '--mount type=volume,source=named,target=/m,volume-subpath=in/deep/file', does: 'cat /m', gives: 'deep\n' },
  { options: '--mount type=volume,source=named,target=/m,volume-subpath=in,readonly', does: 'touch /m/x 2>&1', gives: /Read-only file system/ },
  { options: '--mount type=volume,source=named,target=/m,volume-subpath=out', refused: /"out".*out is a symbolic link/ },
  { options: '--mount type=volume,source=named,target=/m,volume-subpath=link/deep', refused: /link is a symbolic link/ },
  { options: '--mount type=volume,source=named,target=/m,volume-subpath=nosuch', refused: /"nosuch".*does not exist/ },
  { options: '--mount type=volume,source=named,target=/m,volume-subpath=../x', refused: /invalid subpath/ },
  { options: '--mount type=volume,target=/www,volume-nocopy', does: 'ls -A /www', gives: '' },
  { options: '--mount type=volume,target=/bin2,volume-label=a=b', does: 'touch /bin2/x && ls /bin2', gives: 'x\n' },
  { options: '--mount type=bind,source=$T/bound,target=/m,readonly', does: 'cat /m/file; touch /m/x 2>&1', gives: /^bound\n.*Read-only/ },
  { options: '--mount type=bind,source=$T/nosuch,target=/m', refused: /bind source path does not exist/ },
  {
    options: '--mount type=tmpfs,target=/m,tmpfs-size=1m,tmpfs-mode=700',
    does: 'grep " /m " /proc/self/mounts; stat -c %a /m',
    gives: /size=1024k.*\n700\n$/s,
  },
  { options: '--tmpfs /m:size=2m,exec', does: 'grep " /m " /proc/self/mounts', gives: /size=2048k/ },
  { options: '--gpus all', refused: /could not select device driver "" with capabilities: \[\[gpu\]\]/ },
  { options: '--network own --ip 10.251.40.40', does: 'ip -4 addr show dev eth0', gives: /10\.251\.40\.40\/24/ },
  { options: '--network own --ip 10.9.9.9', refused: /outside the network's subnet/ },
  { options: '--ip 10.231.0.99', refused: /user specified IP address is supported/ },
  { options: '--mac-address 02:11:22:33:44:55', does: 'cat /sys/class/net/eth0/address', gives: '02:11:22:33:44:55\n' },
  { options: '--mac-address nonsense', refused: /invalid MAC address|not a valid mac address/i },
  {
    options: '--dns 192.0.2.7 --dns-search a.example --dns-option ndots:3',
    does: 'cat /etc/resolv.conf',
    gives: /^nameserver 192\.0\.2\.7\nsearch a\.example\noptions ndots:3\n/m,
  },
  { options: '--add-host other:192.0.2.8 --add-host up:host-gateway', does: 'cat /etc/hosts', gives: /192\.0\.2\.8\tother\n10\.231\.0\.1\tup\n/ },
  { options: '--add-host nonsense', refused: /bad format for add-host/ },
  { options: '--hostname h --domainname d.example', does: 'hostname', gives: /^h/ },
];

describe('docker run', () => {
  beforeAll(async () => {
    expect(await sh('docker network create --subnet 10.251.40.0/24 own')).toMatchObject({ exit: 0 });
  });
  test.each(cases)('$options', async ({ options, does = 'true', gives, refused }) => {
    const { exit, out, err } = await sh(`docker run --rm ${options} bb:1 sh -c '${does}'`);
    if (refused !== undefined) {
      expect({ exit, err }).toEqual({ exit: 125, err: expect.stringMatching(refused) });
      expect((await sh('docker ps -aq')).out).toBe('');
    } else if (typeof gives === 'string') expect({ out, err }).toEqual({ out: gives, err: '' });
    else expect(out, err).toMatch(gives ?? '');
  });
});

test('annotations are kept and reach the runtime', async () => {
  expect(await sh('docker create --name annotated --annotation org.example.a=b bb:1')).toMatchObject({ exit: 0 });
  expect((await sh("docker inspect -f '{{json .HostConfig.Annotations}}' annotated")).out).toBe('{"org.example.a":"b"}\n');
  await sh('docker rm annotated');
});

test('an image is taken for the platform that is asked for, or not at all', async () => {
  const machine = (await sh("docker image inspect -f '{{.Os}}/{{.Architecture}}' bb:1")).out.trim();
  const mismatch = `image with reference bb:1 was found but its platform (${machine}) does not match the specified platform (linux/s390x)`;
  for (const command of ['image inspect', 'history -q', 'create --pull never', 'save -o $T/saved.tar']) {
    expect(await sh(`docker ${command} --platform ${machine} bb:1`), command).toMatchObject({ exit: 0 });
    expect((await sh(`docker ${command} --platform linux/s390x bb:1`)).err, command).toContain(mismatch);
  }
  await sh('docker ps -aq | xargs docker rm');
  for (const platform of ['{', '{"os":7}', '{"os":"linux","architecture":"a/b/c"}', 'a/b/c/d']) {
    expect((await ask(agent.engineSocket, 'GET', `/images/bb:1/json?platform=${encodeURIComponent(platform)}`)).status, platform).toBe(400);
    expect((await ask(agent.engineSocket, 'POST', `/images/create?fromImage=bb&tag=1&platform=${encodeURIComponent(platform)}`)).status, platform).toBe(400);
  }
});

test('an image that is mounted stays, and is shown as a mount', async () => {
  expect(await sh('docker run -d --name user --stop-signal KILL --mount type=image,source=data:1,target=/m,image-subpath=data bb:1 sleep 1000')).toMatchObject({
    exit: 0,
  });
  expect((await sh("docker inspect -f '{{json .HostConfig.Mounts}} {{range .Mounts}}{{.Type}} {{.Destination}} {{.RW}}{{end}}' user")).out).toBe(
    '[{"Type":"image","Source":"data:1","Target":"/m","ImageOptions":{"Subpath":"data"}}] image /m false\n',
  );
  expect((await sh('docker rmi data:1')).err).toMatch(/conflict/);
  expect((await sh('docker restart user && docker exec user cat /m/sub/file')).out).toContain('of the image');
  expect((await sh('docker rm -f user')).exit).toBe(0);
  expect((await sh('grep -c /mounts/image-0 /proc/self/mountinfo')).out).toBe('0\n');
});

test('a volume outlives a container that has part of it, also when the agent is killed in between', async () => {
  const run = 'docker run -d --name part --stop-signal KILL --mount type=volume,source=named,target=/m,volume-subpath=in bb:1 sleep 1000';
  expect(await sh(run)).toMatchObject({ exit: 0 });
  await agent.end('SIGKILL');
  await agent.start();
  expect(await sh('docker exec part cat /m/deep/file')).toMatchObject({ out: 'deep\n' });
  expect(await sh('docker stop part && docker start part && docker exec part cat /m/deep/file')).toMatchObject({ out: 'part\npart\ndeep\n' });
  expect(await sh('docker rm -f part')).toMatchObject({ exit: 0 });
  expect((await sh('grep -c /mounts/subpath- /proc/self/mountinfo')).out).toBe('0\n');
  expect(await sh('docker run --rm -v named:/v bb:1 cat /v/in/deep/file')).toMatchObject({ out: 'deep\n' });
});

describe('volumes of the local driver', () => {
  test.each([
    ['type=tmpfs', '--opt type=tmpfs --opt device=tmpfs --opt o=size=3m,mode=711', 'grep " /m " /proc/self/mounts', /size=3072k,mode=711/],
    ['a bind', '--opt type=none --opt o=bind --opt device=$T/bound', 'cat /m/file', /^bound\n/],
  ])('%s', async (_name, options, does, gives) => {
    expect(await sh(`docker volume create ${options} special`)).toMatchObject({ exit: 0 });
    expect((await sh(`docker run --rm -v special:/m bb:1 sh -c '${does}'`)).out).toMatch(gives);
    expect(await sh('docker volume rm special && cat $T/bound/file')).toMatchObject({ exit: 0, out: 'special\nbound\n' });
  });

  test('an NFS server that does not answer fails the start with its address', { timeout: 120_000 }, async () => {
    expect(
      await sh(
        'docker volume create --opt type=nfs --opt o=addr=127.0.0.1,port=1,soft,timeo=1,retrans=1,nolock,vers=3,mountport=1,proto=tcp --opt device=:/nosuch far',
      ),
    ).toMatchObject({
      exit: 0,
    });
    expect((await sh('docker run --rm -v far:/m bb:1 true')).err).toMatch(/mount volume far/);
    expect((await sh('docker ps -aq')).out).toBe('');
    await sh('docker volume rm far');
  });

  test('options that no driver knows are refused', async () => {
    expect((await sh('docker volume create --opt nosuch=1 odd')).err).toMatch(/invalid option: "nosuch"/);
    expect((await sh('docker volume create --driver nosuch odd')).err).toMatch(/plugin "nosuch" not found/);
  });
});
