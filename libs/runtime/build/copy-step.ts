import { createReadStream } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { OverlayRootfs } from '@gantry/contracts/executor';
import { detectCompression } from '@gantry/oci/tar';
import { invalid } from '@gantry/platform/errors';
import type { Executor } from '@gantry/runtime/executor';
import { resolvePath } from './config-instructions.ts';
import type { BuildContext } from './context.ts';
import { archiveParts, contextParts, inlineFileParts, type Ownership, parentDirectories, toTar } from './copy-tar.ts';
import type { Heredoc, Instruction } from './dockerfile.ts';
import { hasWildcard } from './pattern.ts';
import { isDirectory, RootfsPaths } from './rootfs-paths.ts';
import { expandWords, splitWords, type Variables } from './words.ts';

/** One thing COPY or ADD takes: from the context, from another stage's file system, or written in the Dockerfile. */
export type CopySource =
  | { readonly kind: 'context'; readonly path: string; readonly absolute: string; readonly isDirectory: boolean; readonly isArchive: boolean }
  | { readonly kind: 'rootfs'; readonly path: string; readonly rootfs: OverlayRootfs; readonly isDirectory: boolean }
  | { readonly kind: 'inline'; readonly path: string; readonly content: string };

export interface CopyPlan {
  readonly sources: readonly CopySource[];
  /** Absolute; ends with a slash when it must be a directory. */
  readonly destination: string;
}

/** The words of COPY and ADD: sources and, last, the destination. */
export function copyWords(instruction: Instruction, variables: Variables, escapeChar: string): { sources: string[]; destination: string } {
  const text = instruction.heredocs.length > 0 ? splitWords(instruction.text, escapeChar) : null;
  const words = instruction.list ?? text ?? expandWords(instruction.text, variables, escapeChar);
  const expanded = instruction.list === null ? words : words.flatMap((word) => [word]);
  const destination = expanded.at(-1);
  if (expanded.length < 2 || destination === undefined)
    throw invalid(
      `dockerfile parse error on line ${instruction.line}: ${instruction.keyword} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  return { sources: expanded.slice(0, -1), destination };
}

export function toDestination(workingDir: string, destination: string): string {
  const path = resolvePath(workingDir || '/', destination);
  return /(?:^|\/)\.?$/.test(destination) && path !== '/' ? `${path}/` : path;
}

async function isTarball(absolute: string): Promise<boolean> {
  const file = await open(absolute, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    const start = buffer.subarray(0, bytesRead);
    return detectCompression(start) !== 'none' || start.subarray(257, 262).toString('latin1') === 'ustar';
  } finally {
    await file.close();
  }
}

export function inlineSource(source: string, heredocs: readonly Heredoc[], expandText: (text: string) => string): CopySource | null {
  const name = /^<<-?["']?([a-zA-Z_]\w*)["']?$/.exec(source)?.[1];
  const heredoc = heredocs.find((candidate) => candidate.name === name);
  if (name === undefined || heredoc === undefined) return null;
  return { kind: 'inline', path: name, content: heredoc.isExpanded ? expandText(heredoc.content) : heredoc.content };
}

/** Finds a source in the context. `keyword` ADD unpacks archives. */
export async function contextSources(context: BuildContext, source: string, keyword: string): Promise<CopySource[]> {
  const paths = await context.glob(resolvePath('/', source));
  const found: CopySource[] = [];
  for (const path of paths) {
    const absolute = await context.resolve(path);
    if (absolute === null)
      throw invalid(`${keyword} failed: file not found in build context or excluded by .dockerignore: stat ${source}: file does not exist`);
    const stat = await lstat(absolute);
    const isArchive = keyword === 'ADD' && stat.isFile() && (await isTarball(absolute));
    found.push({ kind: 'context', path, absolute, isDirectory: stat.isDirectory(), isArchive });
  }
  if (found.length === 0) throw invalid(`${keyword} failed: no source files were specified`);
  return found;
}

export async function rootfsSource(executor: Executor, rootfs: OverlayRootfs, source: string): Promise<CopySource> {
  if (hasWildcard(source)) throw invalid(`COPY --from does not take wildcards yet: ${source}`);
  const path = resolvePath('/', source);
  const found = await new RootfsPaths(executor, rootfs).stat(path);
  if (found === null) throw invalid(`COPY failed: stat ${path}: file does not exist`);
  return { kind: 'rootfs', path: found.path, rootfs, isDirectory: isDirectory(found.stat) };
}

interface Placement {
  readonly directory: string;
  readonly missing: readonly string[];
  /** '' puts a directory's content straight into the target. */
  readonly name: string;
}

/** Docker's rules for where a source goes. */
async function place(paths: RootfsPaths, source: CopySource, destination: string): Promise<Placement> {
  const path = destination.replace(/\/+$/, '') || '/';
  const existing = await paths.stat(path);
  const isSourceDirectory = source.kind !== 'inline' && source.isDirectory;
  const intoDirectory =
    destination.endsWith('/') || isSourceDirectory || (source.kind === 'context' && source.isArchive) || (existing !== null && isDirectory(existing.stat));
  if (intoDirectory) {
    const { directory, missing } = await paths.nearestDirectory(path);
    return { directory, missing, name: isSourceDirectory ? '' : basename(source.path) };
  }
  const parent = resolvePath(path, '..');
  const { directory, missing } = await paths.nearestDirectory(parent);
  return { directory, missing, name: basename(path) };
}

/** Copies into a stage's writable file system. */
export async function executeCopy(executor: Executor, target: OverlayRootfs, context: BuildContext, plan: CopyPlan, ownership: Ownership): Promise<void> {
  const paths = new RootfsPaths(executor, target);
  for (const source of plan.sources) {
    const { directory, missing, name } = await place(paths, source, plan.destination);
    const below = missing.join('/');
    const path = [below, name].filter((part) => part !== '').join('/');
    const write = (parts: AsyncIterable<Buffer>) =>
      executor.writeArchive(toTar(parts), { rootfs: { overlay: target }, path: directory, noOverwriteDirNonDir: false, keepOwner: true });
    if (source.kind === 'context' && source.isArchive) {
      await write(parentsOnly(missing, ownership));
      await executor.writeArchive(createReadStream(source.absolute), {
        rootfs: { overlay: target },
        path: resolvePath(directory, below),
        noOverwriteDirNonDir: false,
        keepOwner: true,
      });
      continue;
    }
    await write(sourceParts(executor, context, source, path, missing, ownership));
  }
}

async function* parentsOnly(missing: readonly string[], ownership: Ownership): AsyncGenerator<Buffer> {
  yield* parentDirectories(missing, ownership);
}

async function* sourceParts(
  executor: Executor,
  context: BuildContext,
  source: CopySource,
  path: string,
  missing: readonly string[],
  ownership: Ownership,
): AsyncGenerator<Buffer> {
  const isTree = source.kind !== 'inline' && source.isDirectory;
  // A tree's own entry makes its target, with its permissions; what exists already keeps its own.
  yield* parentDirectories(isTree ? missing.slice(0, -1) : missing, ownership);
  if (source.kind === 'inline') yield* inlineFileParts(path, source.content, ownership);
  else if (source.kind === 'context') yield* contextParts(context, source.absolute, path, ownership);
  else {
    const { tar } = await executor.readArchive({ rootfs: { overlay: source.rootfs }, path: source.path });
    yield* archiveParts(tar, path, ownership);
  }
}
