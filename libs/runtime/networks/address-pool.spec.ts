import { describe, expect, it } from 'vitest';
import { chooseAddress, chooseSubnet, completePool, defaultAddressPools, macOf, uniqueLocalSubnet } from './address-pool.ts';
import { formatSubnet, parseSubnet } from './subnet.ts';

describe('chooseSubnet', () => {
  it('takes the first block nobody has', () => {
    expect(formatSubnet(chooseSubnet(defaultAddressPools, [parseSubnet('172.16.0.0/16'), parseSubnet('172.17.5.0/24')]))).toBe('172.18.0.0/16');
  });
  it('goes on to the next pool, then says that all is taken', () => {
    const pools = [
      { base: '10.0.0.0/24', size: 25 },
      { base: '10.1.0.0/24', size: 24 },
    ];
    expect(formatSubnet(chooseSubnet(pools, [parseSubnet('10.0.0.0/16')]))).toBe('10.1.0.0/24');
    expect(() => chooseSubnet(pools, [parseSubnet('10.0.0.0/8')])).toThrow('fully subnetted');
  });
});

describe('completePool', () => {
  it('clears host bits and adds the gateway', () => {
    expect(completePool({ subnet: '10.1.2.3/24' })).toEqual({ subnet: '10.1.2.0/24', gateway: '10.1.2.1' });
  });
  it.each([
    [{ subnet: '10.0.0.0/31' }, 'no room'],
    [{ subnet: '10.0.0.0/24', gateway: '10.0.1.1' }, 'no matching subnet for gateway'],
    [{ subnet: '10.0.0.0/24', ipRange: '10.0.0.0/16' }, 'no matching subnet for range'],
    [{ subnet: '10.0.0/24' }, 'invalid IP address'],
    [{ subnet: '10.0.0.0/33' }, 'invalid CIDR'],
  ])('refuses %j', (pool, message) => {
    expect(() => completePool(pool)).toThrow(message);
  });
});

describe('chooseAddress', () => {
  const pool = completePool({ subnet: '10.0.0.0/29', reserved: ['10.0.0.3'] });
  it('gives the lowest free address, never one that is kept', () => {
    const used = new Set<string>();
    for (const expected of ['10.0.0.2', '10.0.0.4', '10.0.0.5', '10.0.0.6']) {
      expect(chooseAddress(pool, used, null)).toBe(expected);
      used.add(expected);
    }
    expect(() => chooseAddress(pool, used, null)).toThrow('no free address');
  });
  it('gives a wanted address only when it can', () => {
    expect(chooseAddress(pool, new Set(), '10.0.0.6')).toBe('10.0.0.6');
    expect(() => chooseAddress(pool, new Set(['10.0.0.6']), '10.0.0.6')).toThrow('already in use');
    expect(() => chooseAddress(pool, new Set(), '10.0.0.1')).toThrow('already in use');
    expect(() => chooseAddress(pool, new Set(), '10.0.1.1')).toThrow('outside');
  });
});

describe('with IPv6', () => {
  const pool = completePool({ subnet: 'FD00:1:0:0::7/64', reserved: ['fd00:1:0::2'] });
  it('completes and gives addresses as with IPv4', () => {
    expect(pool).toMatchObject({ subnet: 'fd00:1::/64', gateway: 'fd00:1::1' });
    expect(chooseAddress(pool, new Set(['fd00:1::3']), null)).toBe('fd00:1::4');
    expect(chooseAddress(pool, new Set(), 'fd00:1:0:0:0::AB')).toBe('fd00:1::ab');
    expect(() => chooseAddress(pool, new Set(['fd00:1::ab']), 'fd00:1::0:ab')).toThrow('already in use');
    expect(() => chooseAddress(pool, new Set(), 'fd00:2::1')).toThrow('outside');
    expect(() => completePool({ subnet: 'fd00::/129' })).toThrow('invalid CIDR');
    expect(() => completePool({ subnet: 'fd00::/64', gateway: '10.0.0.1' })).toThrow('no matching subnet for gateway');
  });
  it('takes unique local blocks that differ by what they are for', () => {
    expect(uniqueLocalSubnet('a')).toMatch(/^fd[0-9a-f]{2}:[0-9a-f:]+::\/64$/);
    expect(uniqueLocalSubnet('a')).not.toBe(uniqueLocalSubnet('b'));
  });
});

it('derives the hardware address', () => {
  expect(macOf('172.17.0.2')).toBe('02:42:ac:11:00:02');
});
