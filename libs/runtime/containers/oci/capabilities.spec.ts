import { expect, it } from 'vitest';
import { defaultCapabilities, knownCapabilities, parseCapabilityMask, resolveCapabilities } from './capabilities.ts';

const none = { privileged: false, capAdd: [], capDrop: [] };

it('gives the default set, as far as it is available', () => {
  expect(resolveCapabilities(none, knownCapabilities)).toEqual(defaultCapabilities);
  expect(resolveCapabilities(none, ['CAP_CHOWN'])).toEqual(['CAP_CHOWN']);
});

it.each([
  [{ ...none, capAdd: ['net_admin'] }, [...defaultCapabilities, 'CAP_NET_ADMIN']],
  [{ ...none, capDrop: ['CAP_CHOWN', 'kill'] }, defaultCapabilities.filter((name) => name !== 'CAP_CHOWN' && name !== 'CAP_KILL')],
  [{ ...none, capDrop: ['ALL'], capAdd: ['SYS_TIME'] }, ['CAP_SYS_TIME']],
  [{ ...none, capAdd: ['ALL'], capDrop: ['SYS_ADMIN'] }, knownCapabilities.filter((name) => name !== 'CAP_SYS_ADMIN')],
  [{ ...none, privileged: true }, knownCapabilities],
])('resolves %j', (request, expected) => {
  expect(resolveCapabilities(request, knownCapabilities)).toEqual(expected);
});

it('refuses what does not exist', () => {
  expect(() => resolveCapabilities({ ...none, capAdd: ['FLY'] }, knownCapabilities)).toThrow('unknown capability "FLY"');
});

it('reads the kernel mask', () => {
  expect(parseCapabilityMask('0000000000200001')).toEqual(['CAP_CHOWN', 'CAP_SYS_ADMIN']);
});
