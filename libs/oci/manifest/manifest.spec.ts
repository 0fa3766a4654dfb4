import { describe, expect, it } from 'vitest';
import { type Descriptor, mediaTypes, parseManifest } from './manifest.ts';
import { choosePlatform, parsePlatform } from './platform.ts';

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const descriptor = (digit: string, extra: Partial<Descriptor> = {}): Descriptor => ({
  mediaType: mediaTypes.ociManifest,
  digest: digest(digit),
  size: 1,
  ...extra,
});
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('parseManifest', () => {
  it('tells a manifest from an index', () => {
    const manifest = { schemaVersion: 2, config: descriptor('a'), layers: [descriptor('b')] };
    expect(parseManifest(bytes(manifest), mediaTypes.ociManifest)).toMatchObject({ kind: 'manifest', manifest: { config: { digest: digest('a') } } });
    expect(parseManifest(bytes({ schemaVersion: 2, manifests: [descriptor('c')] }), null)).toMatchObject({ kind: 'index' });
  });

  it.each([
    ['a document that is both', { schemaVersion: 2, config: descriptor('a'), layers: [], manifests: [] }, mediaTypes.ociIndex, 'both a manifest and an index'],
    ['an index under a manifest type', { schemaVersion: 2, manifests: [] }, mediaTypes.ociManifest, 'does not look like one'],
    [
      'a digest that is a path',
      { schemaVersion: 2, config: { ...descriptor('a'), digest: 'sha256:../../etc' }, layers: [] },
      mediaTypes.ociManifest,
      'malformed',
    ],
    ['a negative size', { schemaVersion: 2, config: { ...descriptor('a'), size: -1 }, layers: [] }, mediaTypes.ociManifest, 'malformed'],
    ['schema 1', { schemaVersion: 1, fsLayers: [] }, 'application/vnd.docker.distribution.manifest.v1+prettyjws', 'schema 1'],
  ])('refuses %s', (_name, value, mediaType, message) => {
    expect(() => parseManifest(bytes(value), mediaType)).toThrow(message);
  });
});

describe('choosePlatform', () => {
  const arm = (variant: string, digit: string) => descriptor(digit, { platform: { os: 'linux', architecture: 'arm', variant } });
  const amd64 = descriptor('1', { platform: { os: 'linux', architecture: 'amd64' } });
  const attestation = descriptor('2', {
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  });

  it('ignores attestations and other architectures', () => {
    expect(choosePlatform([attestation, arm('v7', '3'), amd64], parsePlatform('linux/amd64'))).toBe(amd64);
    expect(choosePlatform([attestation], parsePlatform('linux/amd64'))).toBeUndefined();
  });

  it('takes the newest arm variant the machine can run', () => {
    const offered = [arm('v5', '4'), arm('v6', '5'), arm('v7', '6')];
    expect(choosePlatform(offered, parsePlatform('linux/arm/v6'))?.digest).toBe(digest('5'));
    expect(choosePlatform(offered, parsePlatform('linux/arm'))?.digest).toBe(digest('6'));
  });
});
