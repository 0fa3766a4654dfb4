import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  decodeLinkFrame,
  encodeControlFrame,
  encodeStreamFrame,
  linkSignaturePayload,
  linkVersions,
  RegisterRequest,
  RegisterResponse,
  ToAgentMessage,
  ToServerMessage,
} from './index.ts';

/**
 * Every protocol version has a folder of fixtures, written when it was made and never changed after: what an agent or an api of that
 * version sends. Whatever this build becomes, it must still read all of them without loss.
 */
const fixtures = join(import.meta.dirname, 'fixtures');
const json = (...path: string[]): unknown => JSON.parse(readFileSync(join(fixtures, ...path), 'utf8'));
const folderOf = ({ version, name }: (typeof linkVersions)[number]) => `v${version}-${name.toLowerCase()}`;

test('each version has its fixtures, and versions only grow', () => {
  expect(readdirSync(fixtures).sort()).toEqual(linkVersions.map(folderOf).sort());
  expect(linkVersions.map(({ version }) => version)).toEqual(linkVersions.map((_, index) => index + 1));
});

describe.each(linkVersions.map((version) => folderOf(version)))('%s', (folder) => {
  test.each([
    ['to-agent', ToAgentMessage],
    ['to-server', ToServerMessage],
  ] as const)('%s messages are read without loss', (direction, union) => {
    const files = readdirSync(join(fixtures, folder, direction));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const message = json(folder, direction, file);
      // Fields that came later may have been added, with their defaults.
      expect(union.parse(message), file).toMatchObject(message as object);
      expect(file).toBe(`${union.parse(message).type}.json`);
    }
  });

  test('registration is read without loss', () => {
    expect(RegisterRequest.parse(json(folder, 'register-request.json'))).toEqual(json(folder, 'register-request.json'));
    expect(RegisterResponse.parse(json(folder, 'register-response.json'))).toEqual(json(folder, 'register-response.json'));
  });
});

test('every message of the newest version has a fixture', () => {
  const newest = linkVersions.at(-1);
  if (newest === undefined) throw new Error('no versions');
  for (const [direction, union] of [
    ['to-agent', ToAgentMessage],
    ['to-server', ToServerMessage],
  ] as const) {
    const types = union.options.map((option) => `${option.shape.type.value}.json`);
    expect(readdirSync(join(fixtures, folderOf(newest), direction)).sort()).toEqual(types.sort());
  }
});

test('frames are, byte for byte, what they were', () => {
  const frames = json('v1-first', 'frames.json');
  expect({
    'control heartbeat': encodeControlFrame({ type: 'heartbeat' }).toString('hex'),
    'stream 7 "abc"': encodeStreamFrame(7, Buffer.from('abc')).toString('hex'),
  }).toEqual(frames);
  expect(decodeLinkFrame(Buffer.from('0100000007616263', 'hex'))).toEqual({ kind: 'stream', streamId: 7, payload: Buffer.from('abc') });
});

test('the proof of identity signs what it always signed', () => {
  const { nodeId } = RegisterResponse.parse(json('v1-first', 'register-response.json'));
  expect(linkSignaturePayload(nodeId, '5f3b9d')).toBe(`gantry-agent-link:v1:${'n'.repeat(25)}:5f3b9d`);
});
