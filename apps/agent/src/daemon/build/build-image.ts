import type { Exchange } from '@gantry/engine-api/http';
import { EngineError } from '@gantry/engine-api/protocol';
import { toErrorMessage } from '@gantry/engine-api/stream';
import { shortDigest } from '@gantry/oci/digest';
import { familiarReference } from '@gantry/oci/reference';
import { RunFailed } from '@gantry/runtime/build';
import type { Engine } from '../engine.ts';
import { registryConfig } from '../images/credentials.ts';
import { ProgressStream } from '../images/progress.ts';
import { buildReferences, runSettings, stringMap } from './request.ts';

function toLabels(map: Record<string, string | null>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, value ?? '']));
}

/** POST /build */
export async function buildImage({ builder }: Engine, exchange: Exchange): Promise<void> {
  const version = exchange.text('version') ?? '1';
  if (version !== '1') throw new EngineError(400, `build version ${version} is not supported: use the classic builder (version=1)`);
  if (exchange.text('remote') !== null) throw new EngineError(400, 'building from a remote context is not supported: send the context as the body');
  if (exchange.boolean('squash')) throw new EngineError(400, 'squash is only supported with experimental mode');
  const references = buildReferences(exchange);
  const progress = new ProgressStream(exchange);
  const isQuiet = exchange.boolean('q');
  const print = (text: string | Buffer) => {
    if (!isQuiet) progress.write({ stream: text.toString() });
  };
  try {
    const image = await builder.build({
      context: exchange.body(),
      dockerfile: exchange.text('dockerfile') ?? 'Dockerfile',
      target: exchange.text('target'),
      buildArguments: stringMap(exchange, 'buildargs'),
      labels: toLabels(stringMap(exchange, 'labels')),
      references,
      useCache: !exchange.boolean('nocache'),
      pull: exchange.boolean('pull'),
      platform: exchange.text('platform'),
      settings: runSettings(exchange),
      credentials: registryConfig(exchange.header('x-registry-config')),
      print,
      onOutput: async (text) => {
        print(text);
        await progress.drained();
      },
      onProgress: (layer) => {
        if (!isQuiet) progress.layer(layer);
      },
      signal: exchange.signal,
    });
    progress.write({ aux: { ID: image.id } });
    if (isQuiet) progress.write({ stream: `${image.id}\n` });
    print(`Successfully built ${shortDigest(image.id)}\n`);
    for (const reference of references) print(`Successfully tagged ${familiarReference(reference)}\n`);
    progress.end();
  } catch (error) {
    if (exchange.signal.aborted) return;
    if (error instanceof RunFailed) progress.end(toErrorMessage(error, error.exitCode));
    else progress.fail(error);
  }
}
