import { ensurePackages, missingPackages, type Purpose } from './debian-packages.ts';
import { ensureDependencies } from './npm-dependencies.ts';
import { ensurePythonPackages } from './python-packages.ts';
import { ensureRust, ensureRustLinters } from './rust-toolchain.ts';

export interface SetupOptions {
  readonly purposes: readonly Purpose[];
  /** The executor is to be built here. */
  readonly needsRust: boolean;
  readonly needsRustLinters?: boolean;
}

/** Brings the host to where the product can be built; on a host that is there already this takes milliseconds. */
export async function setUp({ purposes, needsRust, needsRustLinters = false }: SetupOptions): Promise<void> {
  await ensurePackages(missingPackages(purposes, needsRust));
  await ensureDependencies();
  if (purposes.includes('test')) await ensurePythonPackages();
  if (needsRust) await ensureRust();
  if (needsRustLinters) await ensureRustLinters();
}
