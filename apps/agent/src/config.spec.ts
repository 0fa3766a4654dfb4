import { expect, test } from 'vitest';
import { readConfig } from './config.ts';
import { splitSubnet } from './subnet.ts';

test('an empty environment is a stand-alone engine with defaults', () => {
  expect(readConfig({})).toMatchObject({
    serverUrl: null,
    dataDir: '/var/lib/gantry/agent',
    stateDir: '/run/gantry/gantry',
    instance: 'gantry',
    bridge: 'gantry0',
    bridgeSubnet: '10.201.0.0/17',
    cgroupParent: '/gantry',
    insecureRegistries: [],
  });
});

test('agents with different data directories share nothing by default', () => {
  const [one, two] = ['/a', '/b'].map((GANTRY_DATA_DIR) => readConfig({ GANTRY_DATA_DIR }));
  expect(one?.instance).toMatch(/^g[0-9a-f]{7}$/);
  expect(one?.instance).not.toBe(two?.instance);
  expect(one?.stateDir).not.toBe(two?.stateDir);
});

test('a variable set to nothing is not set', () => {
  expect(readConfig({ GANTRY_SERVER_URL: '', GANTRY_DATA_DIR: '' })).toMatchObject({ serverUrl: null, dataDir: '/var/lib/gantry/agent' });
});

test.each([
  [{ GANTRY_SERVER_URL: 'ftp://x' }, 'GANTRY_SERVER_URL'],
  [{ GANTRY_DATA_DIR: 'relative' }, 'GANTRY_DATA_DIR'],
  [{ GANTRY_SUBNET: '10.0.0.0' }, 'GANTRY_SUBNET'],
  [{ GANTRY_SUBNET: '10.0.0.0/30' }, '10.0.0.0/30'],
  [{ GANTRY_ENGINE_TCP: '2376' }, 'GANTRY_ENGINE_TCP'],
  [{ GANTRY_BRIDGE: 'a-name-that-is-too-long' }, 'GANTRY_BRIDGE'],
])('%j is refused by name', (variables, name) => {
  expect(() => readConfig(variables)).toThrow(name);
});

test.each([
  ['127.0.0.1:2375', { address: '127.0.0.1', port: 2375 }],
  ['[::1]:2376', { address: '::1', port: 2376 }],
])('the engine also listens on %s', (GANTRY_ENGINE_TCP, engineTcp) => {
  expect(readConfig({ GANTRY_ENGINE_TCP })).toMatchObject({ engineTcp, engineTlsDir: null });
});

test('a subnet is split between the default network and those of users', () => {
  expect(splitSubnet('10.201.7.9/16')).toEqual({ bridgeSubnet: '10.201.0.0/17', addressPools: [{ base: '10.201.128.0/17', size: 24 }] });
  expect(splitSubnet('192.168.4.0/24')).toEqual({ bridgeSubnet: '192.168.4.0/25', addressPools: [{ base: '192.168.4.128/25', size: 28 }] });
});

test('generic resources are units by name', () => {
  expect(readConfig({ GANTRY_NODE_RESOURCES: 'gpu=2,fpga=1' }).genericResources).toEqual({ gpu: 2, fpga: 1 });
  expect(readConfig({}).genericResources).toEqual({});
  expect(() => readConfig({ GANTRY_NODE_RESOURCES: 'gpu' })).toThrow('GANTRY_NODE_RESOURCES');
});
