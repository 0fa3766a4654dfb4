import type { PublishedPort } from './networks.ts';
import { isAnyAddress, isIpv6Text } from './subnet.ts';

export interface FilteredNetwork {
  readonly bridge: string;
  /** Of one family or both. */
  readonly subnets: readonly string[];
  readonly internal: boolean;
  /** False: containers' own addresses are seen outside (com.docker.network.bridge.enable_ip_masquerade). */
  readonly masquerade: boolean;
  /** False: containers of the network may not talk to each other (…enable_icc). */
  readonly interContainer: boolean;
}

function target(ports: PublishedPort['targets']): string {
  const [first] = ports;
  if (first === undefined) return 'drop';
  if (ports.length === 1) return isIpv6Text(first.ip) ? `dnat ip6 to [${first.ip}]:${first.port}` : `dnat ip to ${first.ip}:${first.port}`;
  const choices = ports.map(({ ip, port }, index) => `${index} : ${ip} . ${port}`).join(', ');
  return `dnat ip to numgen inc mod ${ports.length} map { ${choices} }`;
}

function publication(port: PublishedPort): string {
  const family = isIpv6Text(port.hostIp) ? 'ip6' : 'ip';
  const address = isAnyAddress(port.hostIp) ? '' : `${family} daddr ${port.hostIp} `;
  return `    meta nfproto ${family === 'ip' ? 'ipv4' : 'ipv6'} ${address}${port.protocol} dport ${port.hostPort} ${target(port.targets)}`;
}

function forwarding(network: FilteredNetwork): string[] {
  const name = JSON.stringify(network.bridge);
  return [
    `    iifname ${name} oifname ${name} ${network.interContainer ? 'accept' : 'drop'}`,
    // In from elsewhere: only by a published port. Without this any neighbour could route to containers directly, and networks to one another.
    `    oifname ${name} ct status dnat accept`,
    `    oifname ${name} drop`,
    ...(network.internal ? [`    iifname ${name} drop`] : []),
  ];
}

function translation(network: FilteredNetwork): string[] {
  const name = JSON.stringify(network.bridge);
  const sources = network.subnets.map((subnet) => `${isIpv6Text(subnet) ? 'ip6' : 'ip'} saddr ${subnet}`);
  return [
    // A container that reaches a published port of its own network by way of the host must get its answer by way of the host.
    ...sources.map((source) => `    ${source} oifname ${name} ct status dnat masquerade`),
    // The host itself, connecting to 127.0.0.1:PORT.
    `    ip saddr 127.0.0.0/8 oifname ${name} masquerade`,
    ...(network.internal || !network.masquerade ? [] : sources.map((source) => `    ${source} oifname != ${name} masquerade`)),
  ];
}

/**
 * The whole of our nftables table, to be given to `nft -f` as one transaction: nothing of anybody else's is touched, and there is no moment without rules.
 */
export function toRuleset(table: string, networks: readonly FilteredNetwork[], ports: readonly PublishedPort[]): string {
  // An address of its own wins over all of them on the same port.
  const ordered = ports.toSorted((one, other) => Number(isAnyAddress(one.hostIp)) - Number(isAnyAddress(other.hostIp)));
  return `table inet ${table} {}
delete table inet ${table}
table inet ${table} {
  chain raw-prerouting {
    type filter hook prerouting priority raw; policy accept;
    # route_localnet is on for our bridges: nobody but the host itself may use its loopback addresses.
    iifname != "lo" ip daddr 127.0.0.0/8 drop
  }
  chain published {
${ordered.map(publication).join('\n')}
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump published
  }
  chain output {
    type nat hook output priority -100; policy accept;
    # Nothing leads on from there: the port publisher carries it.
    ip6 daddr ::1 return
    fib daddr type local jump published
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
${networks.flatMap(translation).join('\n')}
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
${networks.flatMap(forwarding).join('\n')}
  }
}
`;
}
