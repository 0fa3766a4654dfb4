import { randomBytes } from 'node:crypto';
import type { OverlayRootfs } from '@gantry/contracts/executor';
import { shortDigest } from '@gantry/oci/digest';
import { hasCode, invalid, notFound } from '@gantry/platform/errors';
import type { Lease } from '@gantry/runtime/content';
import type { ComposedLayer } from '@gantry/runtime/images';
import type { BuildParts } from './build-parts.ts';
import { applyInstruction, changesOnlyConfig } from './config-instructions.ts';
import type { BuildContext } from './context.ts';
import { type CopySource, contextSources, copyWords, executeCopy, inlineSource, rootfsSource, toDestination } from './copy-step.ts';
import { type Ownership, parentDirectories, toTar } from './copy-tar.ts';
import type { Instruction } from './dockerfile.ts';
import { RootfsPaths } from './rootfs-paths.ts';
import { type RunSettings, runCommand, runInContainer } from './run-step.ts';
import type { ArgScope } from './scope.ts';
import { type StageState, stateId, toImageConfig, topChainId } from './stage-state.ts';
import { type StepCache, stepKey } from './step-cache.ts';
import { expand } from './words.ts';

/** What all stages of one build share. */
export interface BuildRun {
  readonly parts: BuildParts;
  readonly cache: StepCache;
  readonly context: BuildContext;
  readonly settings: RunSettings;
  readonly escapeChar: string;
  readonly useCache: boolean;
  readonly signal: AbortSignal;
  /** Keeps layers that no image refers to yet. */
  readonly lease: Lease;
  readonly print: (text: string) => void;
  readonly onOutput: (text: Buffer) => Promise<void>;
  /** The state of an earlier stage by name or index, or of an image. */
  readonly source: (name: string) => Promise<StageState>;
  readonly intermediates: Set<string>;
}

type Fill = (rootfs: OverlayRootfs, key: string) => Promise<void>;

/** Carries out the instructions of one stage. */
export class StageBuilder {
  readonly #run: BuildRun;
  readonly #scope: ArgScope;
  state: StageState;

  constructor(run: BuildRun, state: StageState, scope: ArgScope) {
    this.#run = run;
    this.state = state;
    this.#scope = scope;
  }

  async execute(instruction: Instruction): Promise<void> {
    this.#run.signal.throwIfAborted();
    const { keyword } = instruction;
    if (keyword === 'RUN') await this.#runStep(instruction);
    else if (keyword === 'COPY' || keyword === 'ADD') await this.#copyStep(instruction);
    else if (keyword === 'ARG') this.#argStep(instruction);
    else if (changesOnlyConfig(keyword)) await this.#configStep(instruction);
    else throw invalid(`dockerfile parse error on line ${instruction.line}: unknown instruction: ${keyword}`);
    this.#run.print(` ---> ${shortDigest(stateId(this.state))}\n`);
  }

  get #env(): readonly string[] {
    return this.state.config.Env ?? [];
  }

  #expand(text: string): string {
    return expand(text, this.#scope.variables(this.#env), this.#run.escapeChar);
  }

  #argStep(instruction: Instruction): void {
    this.#scope.declare(instruction, this.#env, this.#run.escapeChar);
    this.#advance(instruction.original, null, this.#cachedTime(instruction.original));
  }

  async #configStep(instruction: Instruction): Promise<void> {
    const config = applyInstruction(this.state.config, instruction, this.#scope.variables(this.#env), this.#run.escapeChar);
    const author = instruction.keyword === 'MAINTAINER' ? this.#expand(instruction.text) : this.state.author;
    if (instruction.keyword === 'WORKDIR' && (await this.#makeWorkingDir(instruction.original, config))) return;
    const identity = [instruction.original, JSON.stringify(config), author];
    this.#advance(instruction.original, null, this.#cachedTime(...identity), { config, author, identity });
  }

  /** Config steps keep their first time too, or an all-cached build would make a new image each time. */
  #cachedTime(...identity: readonly unknown[]): string {
    const key = stepKey(this.state.key, ...identity);
    const cached = this.#run.useCache ? this.#run.cache.get(key) : undefined;
    const createdAt = cached?.createdAt ?? new Date().toISOString();
    if (cached === undefined) this.#run.cache.put(key, { layer: null, createdAt });
    else this.#run.print(' ---> Using cache\n');
    return createdAt;
  }

  #advance(
    original: string,
    layer: ComposedLayer | null,
    createdAt: string,
    change: { config?: StageState['config']; author?: string | null; identity?: readonly unknown[]; createdBy?: string } = {},
  ): void {
    const { state } = this;
    this.state = {
      ...state,
      key: stepKey(state.key, ...(change.identity ?? [original]), layer?.diffId ?? null),
      config: change.config ?? state.config,
      author: change.author === undefined ? state.author : change.author,
      layers: layer === null ? state.layers : [...state.layers, layer],
      history: [
        ...state.history,
        { created: createdAt, created_by: change.createdBy ?? `/bin/sh -c #(nop)  ${original}`, ...(layer === null ? { empty_layer: true } : {}) },
      ],
    };
  }

  /** A step that makes a layer, unless an equal one was made before. */
  async #layerStep(original: string, identity: readonly unknown[], createdBy: string, make: () => Promise<ComposedLayer>): Promise<void> {
    const key = stepKey(this.state.key, ...identity);
    const cached = this.#run.useCache ? this.#run.cache.get(key) : undefined;
    const isUsable = cached?.layer !== undefined && cached.layer !== null && (await this.#isPresent(cached.layer));
    if (isUsable) this.#run.print(' ---> Using cache\n');
    const layer = isUsable && cached.layer ? cached.layer : await make();
    const createdAt = isUsable ? cached.createdAt : new Date().toISOString();
    this.#run.lease.add(layer.digest);
    if (!isUsable) this.#run.cache.put(key, { layer, createdAt });
    this.#advance(original, layer, createdAt, { identity, createdBy });
  }

  async #isPresent(layer: ComposedLayer): Promise<boolean> {
    const { content, snapshots } = this.#run.parts;
    if (content.stat(layer.digest) === undefined) return false;
    await this.#commit(layer);
    return snapshots.has(topChainId({ ...this.state, layers: [...this.state.layers, layer] }) ?? '');
  }

  async #commit(layer: ComposedLayer): Promise<void> {
    const parent = topChainId(this.state);
    const chainId = topChainId({ ...this.state, layers: [...this.state.layers, layer] });
    if (chainId === null) return;
    await this.#run.parts.snapshots.unpack({ chainId, parent, diffId: layer.diffId, blobDigest: layer.digest }, { signal: this.#run.signal });
  }

  async #takeDiff(key: string): Promise<ComposedLayer> {
    const diff = await this.#run.parts.snapshots.diff(key);
    const layer = { digest: diff.blobDigest, mediaType: diff.mediaType, sizeBytes: diff.blobBytes, diffId: diff.diffId };
    this.#run.lease.add(layer.digest);
    await this.#commit(layer);
    return layer;
  }

  async #fillLayer(fill: Fill): Promise<ComposedLayer> {
    const { snapshots } = this.#run.parts;
    const key = `build-${randomBytes(16).toString('hex')}`;
    try {
      const rootfs = await snapshots.prepare(key, topChainId(this.state));
      await fill(rootfs, key);
      return await this.#takeDiff(key);
    } finally {
      await snapshots.remove(key);
    }
  }

  /** A working directory that is not there yet is a layer of its own; false when it is there. */
  async #makeWorkingDir(original: string, config: StageState['config']): Promise<boolean> {
    const path = config.WorkingDir ?? '/';
    const { executor, snapshots } = this.#run.parts;
    const view = await snapshots.view(topChainId(this.state));
    const { directory, missing } = await new RootfsPaths(executor, view).nearestDirectory(path);
    if (missing.length === 0) return false;
    async function* parts(): AsyncGenerator<Buffer> {
      yield* parentDirectories(missing, { owner: null, mode: null });
    }
    const fill: Fill = async (rootfs) => {
      await executor.writeArchive(toTar(parts()), { rootfs: { overlay: rootfs }, path: directory, noOverwriteDirNonDir: false, keepOwner: true });
    };
    await this.#layerStep(original, ['WORKDIR', path], `/bin/sh -c #(nop) WORKDIR ${path}`, () => this.#fillLayer(fill));
    this.state = { ...this.state, config };
    return true;
  }

  async #copyStep(instruction: Instruction): Promise<void> {
    const { context, parts } = this.#run;
    const from = instruction.flags.get('from');
    const words = copyWords(instruction, this.#scope.variables(this.#env), this.#run.escapeChar);
    const destination = toDestination(this.state.config.WorkingDir ?? '', words.destination);
    if (words.sources.length > 1 && !destination.endsWith('/') && destination !== '/') {
      throw invalid(`When using ${instruction.keyword} with more than one source file, the destination must be a directory and end with a /`);
    }
    const stage = from === undefined ? null : await this.#run.source(this.#expand(from));
    const rootfs = stage === null ? null : await parts.snapshots.view(topChainId(stage));
    const sources: CopySource[] = [];
    for (const word of words.sources) {
      const inline = inlineSource(word, instruction.heredocs, (text) => this.#expand(text));
      if (inline !== null) sources.push(inline);
      else if (rootfs !== null) sources.push(await rootfsSource(parts.executor, rootfs, word));
      else if (/^(?:https?|git|ssh):\/\//.test(word))
        throw invalid(`${instruction.keyword} does not fetch ${word}: only files of the build context can be added`);
      else sources.push(...(await contextSources(context, word, instruction.keyword)));
    }
    const content = await Promise.all(sources.map((source) => this.#identify(source, stage)));
    const ownership = await this.#ownership(instruction);
    const createdBy = `/bin/sh -c #(nop) ${instruction.keyword} ${content.map((name) => name.slice(0, 71)).join(' ')} in ${destination} `;
    await this.#layerStep(instruction.original, [instruction.keyword, destination, content, ownership], createdBy, () =>
      this.#fillLayer((target) => executeCopy(parts.executor, target, context, { sources, destination }, ownership)),
    );
  }

  async #identify(source: CopySource, stage: StageState | null): Promise<string> {
    if (source.kind === 'inline') return `inline:${stepKey('', source.content)}`;
    if (source.kind === 'rootfs') return `stage:${stepKey(topChainId(stage ?? this.state) ?? 'scratch', source.path)}`;
    return `${source.isDirectory ? 'dir' : 'file'}:${await this.#run.context.hash(source.absolute)}${source.isDirectory ? '' : `:${source.path}`}`;
  }

  async #ownership(instruction: Instruction): Promise<Ownership> {
    const { executor, snapshots } = this.#run.parts;
    const chown = instruction.flags.get('chown');
    const chmod = instruction.flags.get('chmod');
    if (chmod !== undefined && !/^[0-7]{3,4}$/.test(chmod))
      throw invalid(`invalid chmod parameter: '${chmod}'. it should be octal string and between 0 and 07777`);
    const unknown = [...instruction.flags.keys()].find((flag) => !['from', 'chown', 'chmod', 'link'].includes(flag));
    if (unknown !== undefined) throw invalid(`dockerfile parse error on line ${instruction.line}: unknown flag: ${unknown}`);
    const paths = new RootfsPaths(executor, await snapshots.view(topChainId(this.state)));
    return { owner: chown === undefined ? null : await paths.owner(this.#expand(chown)), mode: chmod === undefined ? null : Number.parseInt(chmod, 8) };
  }

  async #runStep(instruction: Instruction): Promise<void> {
    const { parts, settings, print } = this.#run;
    const [flag] = instruction.flags.keys();
    if (flag === 'mount')
      throw invalid(`the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled`);
    if (flag !== undefined && flag !== 'network') throw invalid(`dockerfile parse error on line ${instruction.line}: unknown flag: ${flag}`);
    const command = runCommand(instruction, this.state.config);
    const args = this.#scope.runArguments(this.#env);
    const createdBy = `${args.length > 0 ? `|${args.length} ${args.join(' ')} ` : ''}${command.join(' ')}`;
    const network = instruction.flags.get('network');
    const networkMode = network === undefined || network === 'default' ? settings.networkMode : network;
    await this.#layerStep(instruction.original, ['RUN', command, args, networkMode], createdBy, async () => {
      const imageId = await this.#intermediateImage();
      let layer: ComposedLayer | null = null;
      await runInContainer(
        parts,
        {
          imageId,
          command,
          config: this.state.config,
          buildArguments: [...args, ...this.#scope.proxyArguments()],
          settings: { ...settings, networkMode },
          onOutput: this.#run.onOutput,
          onContainer: (id) => print(` ---> Running in ${id.slice(0, 12)}\n`),
          signal: this.#run.signal,
        },
        async (containerId) => {
          layer = await this.#takeDiff(containerId);
          print(` ---> Removed intermediate container ${containerId.slice(0, 12)}\n`);
        },
      );
      if (layer === null) throw notFound('the RUN step left no layer');
      return layer;
    });
  }

  /** RUN needs an image to make its container from; it goes when the build ends, unless it is the result. */
  async #intermediateImage(): Promise<string> {
    const { images } = this.#run.parts;
    const id = stateId(this.state);
    if (images.find(id) !== undefined) return id;
    const image = await images.compose({ config: toImageConfig(this.state), layers: this.state.layers });
    this.#run.intermediates.add(image.id);
    return image.id;
  }
}

/** Images made for RUN steps only. One that somebody named or uses meanwhile stays. */
export async function removeIntermediates({ images, logger }: BuildParts, ids: Iterable<string>, keep: string | null): Promise<void> {
  for (const id of ids) {
    if (id === keep || (images.find(id)?.references.length ?? 1) > 0) continue;
    try {
      await images.remove(id);
    } catch (error) {
      if (!hasCode(error, 'conflict') && !hasCode(error, 'not-found')) logger.warn({ err: error, imageId: id }, 'could not remove an intermediate image');
    }
  }
}
