import { expect, it } from 'vitest';
import { parseResolvConf, parseRoutes } from './host-network.ts';
import { formatSubnet } from './subnet.ts';

it('reads the kernel route table', () => {
  const table = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
br1\t0012AC00\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
`;
  expect(parseRoutes(table.replace('0012AC00', '000012AC')).map((route) => [route.interface, formatSubnet(route.subnet)])).toEqual([
    ['eth0', '10.0.0.0/24'],
    ['br1', '172.18.0.0/16'],
  ]);
});

it('reads resolv.conf', () => {
  const text = '# made by hand\nnameserver 127.0.0.53\nnameserver 10.0.0.2 # second\nsearch a.example\nsearch b.example c.example\noptions ndots:2 edns0\n';
  expect(parseResolvConf(text)).toEqual({ nameServers: ['127.0.0.53', '10.0.0.2'], search: ['b.example', 'c.example'], options: ['ndots:2', 'edns0'] });
});
