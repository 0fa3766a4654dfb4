import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { operational } from '@gantry/platform/errors';
import type { PublishedPort } from './networks.ts';
import { type FilteredNetwork, toRuleset } from './ruleset.ts';

export interface Firewall {
  /** Brings the kernel's table to what `read` says now; calls that come while one is under way are served together by the next. */
  apply(): Promise<void>;
  remove(): Promise<void>;
}

export function createFirewall(table: string, read: () => { networks: readonly FilteredNetwork[]; ports: readonly PublishedPort[] }): Firewall {
  let current: Promise<void> = Promise.resolve();
  let queued: Promise<void> | null = null;

  function start(): Promise<void> {
    queued = null;
    const { networks, ports } = read();
    current = runNft(toRuleset(table, networks, ports));
    return current;
  }

  return {
    apply() {
      queued ??= current.then(start, start);
      return queued;
    },
    remove: () => runNft(`table inet ${table} {}\ndelete table inet ${table}\n`),
  };
}

function runNft(script: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = execFile('nft', ['-f', '-'], { timeout: 30_000 }, (error, _stdout, stderr) => {
    if (error === null) return resolve();
    const isMissing = 'code' in error && error.code === 'ENOENT';
    reject(
      operational(
        isMissing ? 'unavailable' : 'failed',
        isMissing ? 'the nft program (package nftables) is not installed' : `nft refuses our table: ${stderr.trim().slice(0, 500)}`,
        { cause: error },
      ),
    );
  });
  child.stdin?.on('error', reject);
  child.stdin?.end(script);
  return promise;
}

/** Forwarding between interfaces, and delivery to 127.0.0.1 by way of a bridge. Written only where they differ. */
export async function allowForwarding(bridge: string, withIpv6: boolean): Promise<void> {
  const settings: [path: string, value: string][] = [
    ['/proc/sys/net/ipv4/ip_forward', '1'],
    [`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, '1'],
  ];
  // Hosts may have it off for new interfaces.
  if (withIpv6) settings.push([`/proc/sys/net/ipv6/conf/${bridge}/disable_ipv6`, '0'], ['/proc/sys/net/ipv6/conf/all/forwarding', '1']);
  for (const [path, value] of settings) {
    try {
      if ((await readFile(path, 'utf8')).trim() !== value) await writeFile(path, value);
    } catch (cause) {
      throw operational('failed', `set ${path} to ${value}`, { cause });
    }
  }
}
