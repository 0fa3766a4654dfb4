import { ContainerUpdateBody } from '@gantry/engine-api/types';
import { describe, expect, it } from 'vitest';
import { toGoMode } from './archive.ts';
import { toResourceChanges } from './to-resources.ts';

describe('toResourceChanges', () => {
  it('changes only what an update says', () => {
    expect(
      toResourceChanges(ContainerUpdateBody.parse({ Memory: 64 << 20, CpuShares: 0, CpusetCpus: '', Devices: null, RestartPolicy: { Name: '' } }), 2),
    ).toEqual({ memory: 64 << 20 });
    expect(toResourceChanges(ContainerUpdateBody.parse({}), 2)).toEqual({});
  });
});

describe('toGoMode', () => {
  it.each([
    [0o100644, 0o644],
    [0o040755, 0x80000000 + 0o755],
    [0o041777, 0x80000000 + 0x00100000 + 0o777],
    [0o120777, 0x08000000 + 0o777],
    [0o104755, 0x00800000 + 0o755],
    [0o020620, 0x04200000 + 0o620],
  ])('%o', (mode, expected) => expect(toGoMode(mode)).toBe(expected));
});
