import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { shortDigest } from '@gantry/oci/digest';
import { hostPlatform } from '@gantry/oci/manifest';
import { hasCode, invalid } from '@gantry/platform/errors';
import type { Image, LayerProgress, RegistryCredentials } from '@gantry/runtime/images';
import type { BuildParts } from './build-parts.ts';
import { BuildContext } from './context.ts';
import { type Dockerfile, parseDockerfile, parseInstruction, type Stage } from './dockerfile.ts';
import type { RunSettings } from './run-step.ts';
import { ArgScope } from './scope.ts';
import { type BuildRun, removeIntermediates, StageBuilder } from './stage-builder.ts';
import { fromImage, type StageState, scratch, toImageConfig } from './stage-state.ts';
import { StepCache } from './step-cache.ts';
import { expand } from './words.ts';

export interface BuildRequest {
  /** A tar, gzip and zstd too. */
  readonly context: Readable;
  /** Path in the context. */
  readonly dockerfile: string;
  /** Stage to stop at: a name or an index. */
  readonly target: string | null;
  /** null: declared, with no value given. */
  readonly buildArguments: Readonly<Record<string, string | null>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Normalised references for the result. */
  readonly references: readonly string[];
  readonly useCache: boolean;
  readonly pull: boolean;
  readonly platform: string | null;
  readonly settings: RunSettings;
  /** By registry host. */
  readonly credentials: ReadonlyMap<string, RegistryCredentials>;
  readonly print: (text: string) => void;
  /** Of a RUN, which waits for it. */
  readonly onOutput: (text: Buffer) => Promise<void>;
  readonly onProgress: (progress: LayerProgress) => void;
  readonly signal: AbortSignal;
}

export interface Builder {
  /** Builds and names an image. Errors of the Dockerfile are `invalid`; of a RUN, RunFailed. */
  build(request: BuildRequest): Promise<Image>;
  /** Forgets cached steps; says how many. */
  prune(): Promise<number>;
}

/** Layers of unfinished and cached steps are kept this long. */
const cacheTtlMs = 7 * 24 * 3600 * 1000;

export async function openBuilder(parts: BuildParts): Promise<Builder> {
  const contexts = join(parts.directory, 'contexts');
  await rm(contexts, { recursive: true, force: true });
  await mkdir(contexts, { recursive: true, mode: 0o700 });
  const cache = await StepCache.open(parts.directory);

  async function build(request: BuildRequest): Promise<Image> {
    const root = join(contexts, randomBytes(8).toString('hex'));
    try {
      const context = await BuildContext.receive(parts.executor, request.context, root, request.signal);
      const text = await context.readText(request.dockerfile);
      if (text === null) throw invalid(`Cannot locate specified Dockerfile: ${request.dockerfile}`);
      return await parts.images.assemble(() => buildStages(parts, cache, context, parseDockerfile(text), request));
    } finally {
      await cache.save();
      await rm(root, { recursive: true, force: true });
    }
  }

  return { build, prune: () => cache.clear() };
}

function platformArguments(): Map<string, string> {
  const { os, architecture, variant } = hostPlatform();
  const platform = [os, architecture, ...(variant ? [variant] : [])].join('/');
  const names = ['TARGET', 'BUILD'].flatMap((prefix): [string, string][] => [
    [`${prefix}PLATFORM`, platform],
    [`${prefix}OS`, os],
    [`${prefix}ARCH`, architecture],
    [`${prefix}VARIANT`, variant ?? ''],
  ]);
  return new Map(names);
}

function findTarget(stages: readonly Stage[], target: string | null): number {
  if (target === null) return stages.length - 1;
  const named = stages.findIndex((stage) => stage.name === target.toLowerCase());
  const numbered = /^\d+$/.test(target) ? Number(target) : -1;
  const index = named >= 0 ? named : numbered;
  if (index < 0 || index >= stages.length) throw invalid(`failed to reach build target ${target} in Dockerfile`);
  return index;
}

/** The stage a name stands for, looking only at stages before `before`. */
function stageIndex(stages: readonly Stage[], name: string, before: number): number | null {
  const named = stages.findLastIndex((stage, index) => index < before && stage.name === name.toLowerCase());
  if (named >= 0) return named;
  return /^\d+$/.test(name) && Number(name) < before ? Number(name) : null;
}

/** Stages the target stands on, in order; the others are not built. */
function neededStages(stages: readonly Stage[], target: number, base: (stage: Stage) => string): number[] {
  const needed = new Set<number>();
  const visit = (index: number) => {
    const stage = stages[index];
    if (stage === undefined || needed.has(index)) return;
    needed.add(index);
    const sources = stage.instructions.flatMap(({ flags }) => flags.get('from') ?? []);
    for (const name of [base(stage), ...sources]) {
      const found = stageIndex(stages, name, index);
      if (found !== null) visit(found);
    }
  };
  visit(target);
  return [...needed].sort((a, b) => a - b);
}

async function buildStages(parts: BuildParts, cache: StepCache, context: BuildContext, dockerfile: Dockerfile, request: BuildRequest): Promise<Image> {
  const { stages, escapeChar } = dockerfile;
  const globals = new ArgScope(request.buildArguments, platformArguments());
  for (const instruction of dockerfile.globalArgs) globals.declare(instruction, [], escapeChar);
  const globalVariables = (name: string) => globals.variables([])(name) ?? platformArguments().get(name);
  const base = (stage: Stage) => expand(stage.base, globalVariables, escapeChar);
  const target = findTarget(stages, request.target);
  const needed = neededStages(stages, target, base);
  const labels = Object.entries(request.labels);
  const total =
    dockerfile.globalArgs.length + needed.reduce((sum, index) => sum + 1 + (stages[index]?.instructions.length ?? 0), 0) + (labels.length > 0 ? 1 : 0);
  const lease = parts.content.lease('build', { ttlMs: cacheTtlMs });
  const built = new Map<number, StageState>();
  let step = 0;
  const announce = (original: string) => request.print(`Step ${++step}/${total} : ${original}\n`);
  const run: BuildRun = {
    parts,
    cache,
    context,
    escapeChar,
    lease,
    settings: request.settings,
    useCache: request.useCache,
    signal: request.signal,
    print: request.print,
    onOutput: request.onOutput,
    intermediates: new Set(),
    source: async (name) => {
      const index = stageIndex(stages, name, stages.length);
      return (index === null ? undefined : built.get(index)) ?? fromImage(await findImage(parts, name, request));
    },
  };
  let result: Image | null = null;
  try {
    for (const instruction of dockerfile.globalArgs) announce(instruction.original);
    for (const index of needed) {
      const stage = stages[index];
      if (stage === undefined) continue;
      announce(stage.from.original);
      const earlier = stageIndex(stages, base(stage), index);
      const start = (earlier === null ? undefined : built.get(earlier)) ?? (await openBase(parts, base(stage), request));
      built.set(
        index,
        await buildStage(run, stage, start, new ArgScope(request.buildArguments, new Map([...platformArguments(), ...globals.toMap()])), announce),
      );
    }
    let state = built.get(target) ?? scratch();
    if (labels.length > 0) {
      const text = labels.map(([name, value]) => `${JSON.stringify(name)}=${JSON.stringify(value).replaceAll('$', '\\$')}`).join(' ');
      const scope = new ArgScope({}, new Map());
      announce(`LABEL ${text}`);
      const builder = new StageBuilder({ ...run, escapeChar: '\\' }, state, scope);
      await builder.execute(parseInstruction(`LABEL ${text}`, 0));
      state = builder.state;
    }
    if (state.history.length === 0) throw invalid('No image was generated. Is your Dockerfile empty?');
    result = await parts.images.compose({ config: toImageConfig(state), layers: state.layers, references: request.references });
    return result;
  } finally {
    await removeIntermediates(parts, run.intermediates, result?.id ?? null);
  }
}

async function buildStage(run: BuildRun, stage: Stage, start: StageState, scope: ArgScope, announce: (original: string) => void): Promise<StageState> {
  const triggers = start.config.OnBuild ?? [];
  const builder = new StageBuilder(run, { ...start, config: { ...start.config, OnBuild: null } }, scope);
  run.print(` ---> ${start.key === 'scratch' ? '' : shortDigest(start.key)}\n`);
  if (triggers.length > 0) run.print(`# Executing ${triggers.length} build trigger${triggers.length === 1 ? '' : 's'}\n`);
  for (const trigger of triggers) await builder.execute(parseInstruction(trigger, stage.from.line, run.escapeChar));
  for (const instruction of stage.instructions) {
    announce(instruction.original);
    await builder.execute(instruction);
  }
  return builder.state;
}

async function openBase(parts: BuildParts, name: string, request: BuildRequest): Promise<StageState> {
  if (name === '') throw invalid(`base name (${name}) should not be blank`);
  return name === 'scratch' ? scratch() : fromImage(await findImage(parts, name, request));
}

async function findImage({ images }: BuildParts, name: string, request: BuildRequest): Promise<Image> {
  const local = request.pull ? undefined : images.find(name);
  if (local !== undefined) return local;
  const host = /^[^/]*[.:][^/]*(?=\/)/.exec(name)?.[0] ?? 'https://index.docker.io/v1/';
  const credentials = request.credentials.get(host) ?? request.credentials.get('index.docker.io') ?? {};
  try {
    const { image } = await images.pull(name, {
      credentials,
      signal: request.signal,
      onProgress: request.onProgress,
      ...(request.platform === null ? {} : { platform: request.platform }),
    });
    return image;
  } catch (error) {
    const fallback = hasCode(error, 'unavailable') ? images.find(name) : undefined;
    if (fallback === undefined) throw error;
    return fallback;
  }
}
