import { negotiateVersion } from '@gantry/engine-api/protocol';
import { ContainerCreateBody } from '@gantry/engine-api/types';
import { describe, expect, it } from 'vitest';
import { fromHostConfig } from './host-config.ts';
import { toContainerSpec } from './to-spec.ts';

function convert(body: object, version = '1.51') {
  return toContainerSpec(ContainerCreateBody.parse({ Image: 'x', ...body }), { version: negotiateVersion(version), platform: '', cpus: 2 });
}

describe('toContainerSpec', () => {
  it('reads the null, empty and absent fields that Go clients send as not said', () => {
    const spec = convert({
      Cmd: null,
      Entrypoint: null,
      Env: null,
      Labels: null,
      Volumes: {},
      Healthcheck: null,
      HostConfig: { Binds: null, MemorySwappiness: -1, PidsLimit: null, ConsoleSize: [0, 0], LogConfig: { Type: '', Config: {} } },
      NetworkingConfig: null,
    });
    expect(spec).toMatchObject({ cmd: null, entrypoint: null, env: [], labels: {}, healthcheck: null });
    expect(spec.hostConfig).toMatchObject({
      networkMode: 'bridge',
      mounts: [],
      restartPolicy: { name: 'no' },
      resources: { memorySwappiness: null, pidsLimit: 0 },
    });
  });

  it('tells an entrypoint that is cleared from one that is not said', () => {
    expect(convert({ Entrypoint: [] }).entrypoint).toEqual([]);
    expect(convert({ Entrypoint: 'one' }).entrypoint).toEqual(['one']);
  });

  it('brings ports, ranges, health checks and endpoints into our words', () => {
    const spec = convert({
      ExposedPorts: { '80': {}, '8000-8001/udp': {} },
      Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 5e9, StartPeriod: 1e6 },
      MacAddress: '02:42:AC:11:00:02',
      HostConfig: { NetworkMode: 'net', PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '0' }], '53/udp': [{ HostPort: 5353 }] } },
      NetworkingConfig: { EndpointsConfig: { net: { Aliases: ['web'], IPAMConfig: { IPv4Address: '10.0.0.9' } } } },
    });
    expect(spec.exposedPorts).toEqual(['80/tcp', '8000/udp', '8001/udp']);
    expect(spec.healthcheck).toMatchObject({ test: ['CMD-SHELL', 'true'], intervalMs: 5000, startPeriodMs: 1, timeoutMs: 0 });
    expect(spec.hostConfig.portBindings).toEqual({ '80/tcp': [{ hostIp: '127.0.0.1', hostPort: '0' }], '53/udp': [{ hostIp: '', hostPort: '5353' }] });
    expect(spec.endpoints.net).toMatchObject({ aliases: ['web'], ipv4: '10.0.0.9', mac: '02:42:ac:11:00:02' });
  });

  it.each([
    [{ HostConfig: { Memory: 1000 } }, 'Minimum memory limit allowed is 6MB'],
    [{ HostConfig: { Memory: 64e6, MemorySwap: 32e6 } }, 'Minimum memoryswap limit should be larger than memory limit'],
    [{ HostConfig: { NanoCpus: 3e9 } }, 'as there are only 2 CPUs available'],
    [{ HostConfig: { RestartPolicy: { Name: 'sometimes' } } }, "unknown policy 'sometimes'"],
    [{ HostConfig: { RestartPolicy: { Name: 'always', MaximumRetryCount: 3 } } }, "can only be used with 'on-failure'"],
    [{ HostConfig: { AutoRemove: true, RestartPolicy: { Name: 'always' } } }, "can't create 'AutoRemove' container with restart policy"],
    [{ HostConfig: { PortBindings: { '99999/tcp': [] } } }, 'invalid port specification'],
    [{ HostConfig: { Binds: ['/a:/c', '/b:/c/'] } }, 'Duplicate mount point: /c/'],
    [{ HostConfig: { Mounts: [{ Type: 'bind', Source: '', Target: '/x' }] } }, 'field Source must not be empty'],
    [{ HostConfig: { Mounts: [{ Type: 'npipe', Source: 'x', Target: '/x' }] } }, 'mount type unknown'],
    [{ HostConfig: { OomScoreAdj: 5000 } }, 'oomScoreAdj'],
    [{ HostConfig: { Isolation: 'hyperv' } }, 'invalid isolation'],
    [{ Healthcheck: { Test: ['CMD'], Interval: 5 } }, 'Interval in Healthcheck cannot be less than 1ms'],
    [{ Healthcheck: { Test: ['SHELL', 'x'] } }, "Unknown healthcheck type 'SHELL'"],
  ])('refuses %j', (body, message) => expect(() => convert(body)).toThrow(message));

  it('takes several endpoints from 1.44 on', () => {
    const body = { NetworkingConfig: { EndpointsConfig: { a: {}, b: null } } };
    expect(Object.keys(convert(body, '1.44').endpoints)).toEqual(['a', 'b']);
    expect(() => convert(body, '1.43')).toThrow('Container cannot be connected to network endpoints: a, b');
  });
});

describe('fromHostConfig', () => {
  it('gives back what was asked for', () => {
    const asked = {
      Binds: ['/h:/c:ro', 'data:/d'],
      Mounts: [{ Type: 'bind', Source: '/s', Target: '/m', ReadOnly: true }],
      Tmpfs: { '/t': 'size=1m' },
      NetworkMode: 'host',
      PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] },
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      CapAdd: ['NET_ADMIN'],
      Memory: 64 << 20,
      Ulimits: [{ Name: 'nofile', Soft: 10, Hard: 20 }],
      Sysctls: { 'net.core.somaxconn': '1' },
      ShmSize: 1 << 20,
      Init: true,
      ExtraHosts: ['a:1.2.3.4'],
    };
    expect(fromHostConfig(convert({ HostConfig: asked }).hostConfig)).toMatchObject({ ...asked, Ulimits: [{ Name: 'nofile', Soft: 10, Hard: 20 }] });
  });

  it('fills in what Docker fills in', () => {
    expect(fromHostConfig(convert({}).hostConfig)).toMatchObject({
      Binds: null,
      CapAdd: null,
      Dns: [],
      IpcMode: 'private',
      CgroupnsMode: 'private',
      ShmSize: 67108864,
      PidsLimit: null,
      LogConfig: { Type: 'json-file', Config: {} },
    });
    expect(fromHostConfig(convert({ HostConfig: { Privileged: true } }).hostConfig)).toMatchObject({ MaskedPaths: null, ReadonlyPaths: null });
  });
});
