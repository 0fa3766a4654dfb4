import { arch } from 'node:process';
import { invalid } from '@gantry/platform/errors';
import type { Descriptor, Platform } from './manifest.ts';

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ppc64: 'ppc64le', s390x: 's390x', riscv64: 'riscv64' };

export function hostPlatform(): Platform {
  return normalisePlatform({ os: 'linux', architecture: architectures[arch] ?? arch });
}

/** arm64 is v8, arm without a variant is v7, as containerd has it. */
function normalisePlatform(platform: Platform): Platform {
  const aliases: Readonly<Record<string, string>> = { x86_64: 'amd64', 'x86-64': 'amd64', aarch64: 'arm64', armhf: 'arm' };
  const architecture = aliases[platform.architecture] ?? platform.architecture;
  const os = platform.os.toLowerCase();
  if (architecture === 'arm64' && (platform.variant === 'v8' || platform.variant === '8')) return { os, architecture };
  if (architecture === 'arm' && platform.variant === undefined) return { os, architecture, variant: 'v7' };
  return { os, architecture, ...(platform.variant === undefined || platform.variant === '' ? {} : { variant: platform.variant }) };
}

/** `linux/arm/v7`, `linux/amd64`, `amd64`, `linux`. */
export function parsePlatform(text: string): Platform {
  const [first = '', second, variant, ...rest] = text.split('/');
  if (first === '' || rest.length > 0 || text.split('/').some((part) => !/^[A-Za-z0-9_.-]+$/.test(part)))
    throw invalid(`${JSON.stringify(text.slice(0, 100))} is not a platform`);
  if (second === undefined) return first === 'linux' ? hostPlatform() : normalisePlatform({ os: 'linux', architecture: first });
  return normalisePlatform({ os: first, architecture: second, ...(variant === undefined ? {} : { variant }) });
}

export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== undefined && part !== '').join('/');
}

function armVersion(variant: string | undefined): number {
  return Number.parseInt((variant ?? 'v7').slice(1), 10);
}

/** How well a machine of `wanted` runs `offered`; null: not at all. Higher is better. */
function suitability(offered: Platform, wanted: Platform): number | null {
  const candidate = normalisePlatform(offered);
  const target = normalisePlatform(wanted);
  if (candidate.os !== target.os || candidate.architecture !== target.architecture) return null;
  if (candidate.architecture === 'arm') return armVersion(candidate.variant) <= armVersion(target.variant) ? armVersion(candidate.variant) : null;
  if (candidate.variant === target.variant) return 10;
  return candidate.variant === undefined ? 5 : null;
}

export const isSuitable = (offered: Platform, wanted: Platform): boolean => suitability(offered, wanted) !== null;

/** Buildx files provenance beside the images, as platform unknown/unknown: never an image to run. */
export function isAttestation(descriptor: Descriptor): boolean {
  return descriptor.annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' || descriptor.platform?.os === 'unknown';
}

/** The manifest of an index to use here; a single one without a platform is taken as it is. */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const images = manifests.filter((descriptor) => !isAttestation(descriptor));
  let best: { descriptor: Descriptor; score: number } | undefined;
  for (const descriptor of images) {
    const score = descriptor.platform === undefined ? 0 : suitability(descriptor.platform, wanted);
    if (score !== null && (best === undefined || score > best.score)) best = { descriptor, score };
  }
  return best?.descriptor;
}
