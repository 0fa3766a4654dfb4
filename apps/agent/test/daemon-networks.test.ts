import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';
import { runCli } from './daemon/run-cli.ts';
import { type TestHost, TestNetwork } from './netns.ts';

const network = new TestNetwork('10.228.9');
const parts = new AsyncDisposableStack();
let agent: AgentProcess;
/** Where the agent runs, and its neighbour on the same cable. */
let host: TestHost;
let neighbour: TestHost;

beforeAll(async () => {
  await network.create();
  parts.defer(() => network.destroy());
  [host, neighbour] = [await network.addHost(), await network.addHost()];
  await network.on(host, 'ip', 'address', 'add', 'fd00:77::1/64', 'dev', 'eth0', 'nodad');
  await network.on(neighbour, 'ip', 'address', 'add', 'fd00:77::2/64', 'dev', 'eth0', 'nodad');
  agent = await AgentProcess.create({ octet: 228, host });
  parts.defer(() => agent.destroy());
  await agent.start();
  await agent.loadBusybox('bb:1', ['sleep', '1000']);
});
afterAll(() => parts.disposeAsync());
afterEach(async () => {
  await docker('ps -aq | xargs -r docker rm -fv && docker network prune -f');
});

const run = (parameters: string) => runCli(`docker ${parameters}`, { socket: agent.engineSocket, directory: '/' });

async function docker(parameters: string): Promise<string> {
  const { exit, out, err } = await run(parameters);
  expect(exit, `docker ${parameters}\n${out}\n${err}`).toBe(0);
  return out.trim();
}

const succeeds = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

/** What answers there, as seen from a host. */
const fetchOn = (from: TestHost, address: string): Promise<string> =>
  network.on(from, 'curl', '-gsS', '--max-time', '2', `http://${address}/`).catch((error: unknown) => String(error));
const serve = "sh -c 'echo served >/www/index.html; httpd -f -p 80 -h /www'";

test('a network with IPv6 has addresses, names and a way out of both families', async () => {
  await docker('network create --ipv6 --subnet 10.251.20.0/24 --subnet fd00:51:20::/64 six');
  await docker(`run -d --name web --network six --ip6 fd00:51:20::99 bb:1 ${serve}`);
  await docker('run -d --name client --network six bb:1');
  expect(await docker("inspect -f '{{with .NetworkSettings.Networks.six}}{{.GlobalIPv6Address}}/{{.GlobalIPv6PrefixLen}} {{.IPv6Gateway}}{{end}}' web")).toBe(
    'fd00:51:20::99/64 fd00:51:20::1',
  );
  expect(await docker("network inspect -f '{{.EnableIPv6}} {{range .IPAM.Config}}{{.Subnet}} {{end}}' six")).toBe('true 10.251.20.0/24 fd00:51:20::/64');
  expect(await docker('exec client cat /etc/hosts')).toMatch(/^fd00:51:20::2\t/m);
  expect(await docker('exec client nslookup -type=AAAA web')).toMatch(/fd00:51:20::99/);
  expect(await docker('exec client nslookup -type=A web')).not.toMatch(/fd00/);
  expect(await docker('exec client nslookup fd00:51:20::99')).toContain('web.six');
  await expect.poll(() => run('exec client wget -q -O - http://[fd00:51:20::99]/')).toMatchObject({ out: 'served\n' });
  // The neighbour has no way back to the network's own addresses: an answer proves that the host's is shown.
  await docker('exec client ping -c 1 -W 2 fd00:77::2');
  expect((await run('run --rm --network six --ip6 fd00:52::1 bb:1 true')).err).toContain("outside the network's subnet");
  expect((await run('run --rm --network six --ip6 fd00:51:20::99 bb:1 true')).err).toContain('already in use');
});

test('ports are published on [::] too, by the same number, and nothing else is reached from outside', async () => {
  await docker('network create --ipv6 --subnet fd00:51:21::/64 six');
  await docker(`run -d --name web --network six --ip6 fd00:51:21::99 -p 80 -p [::]:8081:80 -p 8082:80 bb:1 ${serve}`);
  const [ipv4 = '', ipv6 = ''] = (await docker('port web 80')).split('\n').filter((line) => !/:808[12]$/.test(line));
  const port = ipv4.replace('0.0.0.0:', '');
  expect(ipv6).toBe(`[::]:${port}`);
  for (const [from, address] of [
    [neighbour, `${host.address}:${port}`],
    [neighbour, `[fd00:77::1]:${port}`],
    [neighbour, '[fd00:77::1]:8081'],
    [neighbour, '[fd00:77::1]:8082'],
    [host, `[fd00:77::1]:${port}`],
    [host, `127.0.0.1:${port}`],
    [host, `[::1]:${port}`],
  ] as const) {
    await expect.poll(() => fetchOn(from, address), { message: address }).toBe('served\n');
  }
  expect(await fetchOn(neighbour, `${host.address}:8081`)).not.toBe('served\n');
  await network.on(neighbour, 'ip', '-6', 'route', 'add', 'fd00:51:21::/64', 'via', 'fd00:77::1');
  expect(await fetchOn(neighbour, '[fd00:51:21::99]:80')).not.toBe('served\n');
  expect((await run('run --rm -p [::]:8081:80 --network six bb:1 true')).err).toContain('port is already allocated');
});

test('without IPv6 an interface has none of it, also where another has', async () => {
  await docker('network create four');
  await docker('network create --ipv6 six');
  expect(await docker("network inspect -f '{{range .IPAM.Config}}{{.Subnet}} {{end}}' six")).toMatch(/^[\d./]+ fd[0-9a-f:]+::\/64$/);
  await docker('run -d --name both --network four bb:1');
  await docker('network connect six both');
  const flags = 'cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6 /proc/sys/net/ipv6/conf/eth1/disable_ipv6';
  expect(await docker(`exec both sh -c '${flags}; ip -6 addr show dev eth0; ip -6 addr show dev eth1'`)).toMatch(/^1\n0\n.*inet6 fd[0-9a-f:]+\/64/s);
  await docker('run -d --name other --network six bb:1');
  await docker('exec both ping -6 -c 1 -W 2 other');
  // Each family has a way out of its own, after a restart as after a connect.
  await docker('exec both ping -c 1 -W 2 fd00:77::2');
  await docker('restart -t 0 both');
  for (const address of ['fd00:77::2', neighbour.address]) await docker(`exec both ping -c 1 -W 2 ${address}`);
  await docker('network disconnect six both');
  expect(await docker('exec both ls /sys/class/net')).not.toContain('eth1');
  expect((await run('network create --ipv6 --subnet fd00:1::/64 --subnet fd00:2::/64 twice')).err).toContain('one IPv6 subnet only');
});

test('ports: ranges, sctp and one of a range', async () => {
  await docker('run -d --name ranges -p 127.0.0.1:7000-7002:80-82 -p 9000:9000/sctp -p 5000:5000/udp bb:1');
  expect((await docker('port ranges')).split('\n').sort()).toEqual([
    '5000/udp -> 0.0.0.0:5000',
    '80/tcp -> 127.0.0.1:7000',
    '81/tcp -> 127.0.0.1:7001',
    '82/tcp -> 127.0.0.1:7002',
    '9000/sctp -> 0.0.0.0:9000',
  ]);
  const rules = await network.on(host, 'nft', 'list', 'ruleset');
  expect(rules).toMatch(/sctp dport 9000 dnat ip to [\d.]+:9000/);
  expect(rules).toMatch(/udp dport 5000 dnat ip to [\d.]+:5000/);
  for (const name of ['one', 'two']) await docker(`run -d --name ${name} -p 127.0.0.1:7002-7004:80 bb:1`);
  expect([await docker('port one'), await docker('port two')]).toEqual(['80/tcp -> 127.0.0.1:7003', '80/tcp -> 127.0.0.1:7004']);
  expect((await run('run --rm -p 127.0.0.1:7002-7004:80 bb:1 true')).err).toContain('port is already allocated');
});

test('options of a network: no talk between containers, MTU, internal, addresses and hardware addresses of one’s own', async () => {
  await docker('network create -o com.docker.network.bridge.enable_icc=false -o com.docker.network.driver.mtu=1400 quiet');
  await docker('run -d --name one --network quiet --mac-address 02:aa:bb:cc:dd:ee bb:1');
  await docker('run -d --name two --network quiet bb:1');
  expect(await succeeds(docker('exec one ping -c 1 -W 1 two'))).toBe(false);
  expect(await docker('exec one cat /sys/class/net/eth0/mtu /sys/class/net/eth0/address')).toBe('1400\n02:aa:bb:cc:dd:ee');
  await docker(`exec one ping -c 1 -W 2 ${neighbour.address}`);

  await docker(
    'network create --internal --ipv6 --subnet 10.251.30.0/24 --ip-range 10.251.30.128/25 --gateway 10.251.30.5 --aux-address kept=10.251.30.128 inside',
  );
  await docker('run -d --name three --network inside bb:1');
  await docker('run -d --name four --network inside --ip 10.251.30.77 --network-alias fourth bb:1');
  expect(await docker("inspect -f '{{.NetworkSettings.Networks.inside.IPAddress}}' three four")).toBe('10.251.30.129\n10.251.30.77');
  expect(await docker("exec three sh -c 'ip route; ip -6 route'")).not.toContain('default');
  await docker('exec three ping -c 1 -W 2 fourth');
  expect(await succeeds(docker(`exec three ping -c 1 -W 1 ${neighbour.address}`))).toBe(false);
  for (const [options, message] of [
    ['--subnet 10.251.30.0/25', 'pool overlaps'],
    ['--subnet 10.251.31.0/24 --gateway 10.9.9.9', 'no matching subnet'],
    ['-o com.docker.network.driver.mtu=1', 'invalid network mtu'],
  ]) {
    expect((await run(`network create ${options} refused`)).err).toContain(message);
  }
});
