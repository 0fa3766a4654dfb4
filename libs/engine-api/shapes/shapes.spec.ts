import { negotiateVersion } from '@gantry/engine-api/protocol';
import type { ContainerSummary, EndpointSettings, NetworkInspect } from '@gantry/engine-api/types';
import { describe, expect, it } from 'vitest';
import { outputContentType, shapeContainerInspect, shapeContainerSummary, shapeImageInspect, shapeImageSummary, shapeNetwork } from './index.ts';

const endpoint: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: ['web'],
  MacAddress: '',
  DriverOpts: null,
  GwPriority: 0,
  NetworkID: 'n',
  EndpointID: 'e',
  Gateway: '',
  IPAddress: '10.0.0.2',
  IPPrefixLen: 24,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: ['web'],
};
const id = '0123456789ab'.padEnd(64, '0');

function endpointAt(version: string, name = 'user'): unknown {
  const shaped = shapeContainerInspect(negotiateVersion(version), { Id: id, NetworkSettings: { Bridge: '' } }, { [name]: endpoint });
  const settings = shaped.NetworkSettings as { Bridge: string; Networks: Record<string, unknown> }; // shapeContainerInspect answers with Docker's JSON
  expect(settings.Bridge).toBe('');
  return settings.Networks[name];
}

describe('shapes by version', () => {
  it.each([
    ['1.24', { Aliases: ['web', '0123456789ab'] }, ['DNSNames', 'GwPriority']],
    ['1.43', { Aliases: ['web', '0123456789ab'] }, ['DNSNames', 'GwPriority']],
    ['1.44', { Aliases: ['web', '0123456789ab'], DNSNames: ['web'] }, ['GwPriority']],
    ['1.45', { Aliases: ['web'], DNSNames: ['web'] }, ['GwPriority']],
    ['1.48', { Aliases: ['web'], DNSNames: ['web'], GwPriority: 0 }, []],
  ])('an endpoint in %s', (version, has, lacks) => {
    expect(endpointAt(version)).toMatchObject(has);
    for (const key of lacks) expect(endpointAt(version)).not.toHaveProperty(key);
  });

  it('adds no alias in the default network', () => expect(endpointAt('1.41', 'bridge')).toMatchObject({ Aliases: ['web'] }));

  it('shapes the endpoints of a list as those of an inspect', () => {
    const summary = { NetworkSettings: { Networks: { user: endpoint } } } as unknown as ContainerSummary; // only the part that is looked at
    expect(shapeContainerSummary(negotiateVersion('1.41'), summary)).not.toHaveProperty('NetworkSettings.Networks.user.DNSNames');
    expect(shapeContainerSummary(negotiateVersion('1.51'), summary)).toHaveProperty('NetworkSettings.Networks.user.DNSNames');
  });

  it.each([
    ['1.43', { Size: 5, VirtualSize: 5, Containers: -1 }],
    ['1.44', { Size: 5, Containers: -1 }],
    ['1.51', { Size: 5, Containers: 2 }],
  ])('an image in a list in %s', (version, expected) => expect(shapeImageSummary(negotiateVersion(version), { Size: 5, Containers: 2 })).toEqual(expected));

  it.each([
    ['1.43', ['VirtualSize', 'ContainerConfig', 'Config.Hostname'], []],
    ['1.44', ['ContainerConfig', 'Config.Hostname'], ['VirtualSize']],
    ['1.49', ['Config.Hostname', 'Config.Cmd'], ['VirtualSize', 'ContainerConfig']],
    ['1.50', ['Config.Cmd'], ['Config.Hostname', 'VirtualSize', 'ContainerConfig']],
  ])('an image in %s', (version, has, lacks) => {
    const shaped = shapeImageInspect(negotiateVersion(version), { Size: 5, Config: { Cmd: null } });
    for (const key of has) expect(shaped).toHaveProperty(key);
    for (const key of lacks) expect(shaped).not.toHaveProperty(key);
  });

  it('gives Compose 1 what it cannot do without', () => {
    const inspect = { Size: 5, Config: { Volumes: { '/data': {} } } };
    expect(shapeImageInspect(negotiateVersion('1.51'), inspect, 'docker-compose/1.29.2 docker-py/5.0.3')).toHaveProperty('ContainerConfig.Volumes', {
      '/data': {},
    });
    expect(shapeImageInspect(negotiateVersion('1.51'), inspect, 'docker/28.2.2')).not.toHaveProperty('ContainerConfig');
  });

  it('tells networks that have IPv4 from 1.48 on', () => {
    const network = { Name: 'n', EnableIPv4: true } as unknown as NetworkInspect; // only the part that is looked at
    expect(shapeNetwork(negotiateVersion('1.47'), network)).toEqual({ Name: 'n' });
    expect(shapeNetwork(negotiateVersion('1.48'), network)).toEqual({ Name: 'n', EnableIPv4: true });
  });

  it.each([
    ['1.41', false, 'application/vnd.docker.raw-stream'],
    ['1.42', false, 'application/vnd.docker.multiplexed-stream'],
    ['1.42', true, 'application/vnd.docker.raw-stream'],
  ])('output in %s, terminal %s, is %s', (version, isTerminal, type) => expect(outputContentType(negotiateVersion(version), isTerminal)).toBe(type));
});
