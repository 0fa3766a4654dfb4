import { formatReference, parseReference, repositoryOf, withDefaultTag } from '@gantry/oci/reference';
import { GantryError, invalid, notFound } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import type { ContentStore } from '@gantry/runtime/content';
import type { Collection, MetadataStore } from '@gantry/runtime/metadata';
import { z } from 'zod';
import { ImageConfig } from './config.ts';
import type { Image } from './images.ts';

export const ImageRecord = z.object({
  id: z.string(),
  manifestDigest: z.string(),
  manifestMediaType: z.string(),
  layers: z.array(z.object({ digest: z.string(), mediaType: z.string(), sizeBytes: z.number(), diffId: z.string(), chainId: z.string() })),
  sizeBytes: z.number(),
});
export type ImageRecord = z.infer<typeof ImageRecord>;

const NameRecord = z.object({ imageId: z.string(), at: z.string() });

/**
 * Which images there are and what they are called. References (`repo:tag`) and repo digests (`repo@digest`) are records of their own that point to an
 * image's id, so that moving a tag is one write.
 */
export interface ImageRecords {
  list(): Image[];
  byId(id: string): Image | undefined;
  /** Id, prefix of one, reference, or `repo@digest`. */
  find(reference: string): Image | undefined;
  get(reference: string): Image;
  put(record: ImageRecord, config: ImageConfig): void;
  name(reference: string, imageId: string): void;
  unname(reference: string): void;
  /** Drops the image and every name of it. */
  remove(id: string): void;
}

interface KnownImage {
  readonly record: ImageRecord;
  readonly config: ImageConfig;
}

async function readKnown(records: Collection<ImageRecord>, content: ContentStore, logger: Logger): Promise<Map<string, KnownImage>> {
  const known = new Map<string, KnownImage>();
  for (const [id, record] of records.entries()) {
    try {
      known.set(id, { record, config: ImageConfig.parse(JSON.parse((await content.read(id)).toString('utf8'))) });
    } catch (error) {
      logger.error({ err: error, image: id }, 'an image is left out: its config cannot be read');
    }
  }
  return known;
}

export async function openImageRecords(metadata: MetadataStore, content: ContentStore, logger: Logger): Promise<ImageRecords> {
  const records = metadata.collection('images', ImageRecord);
  const names = metadata.collection('image-names', NameRecord);
  const images = await readKnown(records, content, logger);
  const namesOf = new Map<string, Map<string, string>>();
  const targets = new Map<string, string>();

  const link = (reference: string, imageId: string, at: string) => {
    targets.set(reference, imageId);
    const own = namesOf.get(imageId) ?? new Map<string, string>();
    own.set(reference, at);
    namesOf.set(imageId, own);
  };
  const unlink = (reference: string) => {
    const imageId = targets.get(reference);
    if (imageId === undefined) return;
    targets.delete(reference);
    namesOf.get(imageId)?.delete(reference);
  };
  for (const [reference, { imageId, at }] of names.entries()) link(reference, imageId, at);

  function toImage({ record, config }: KnownImage): Image {
    const own = [...(namesOf.get(record.id) ?? [])];
    const references = own.filter(([name]) => !name.includes('@'));
    return {
      ...record,
      config,
      references: references.map(([name]) => name).sort(),
      repoDigests: own
        .map(([name]) => name)
        .filter((name) => name.includes('@'))
        .sort(),
      chainId: record.layers.at(-1)?.chainId ?? null,
      createdAt: config.created ?? null,
      taggedAt:
        references
          .map(([, at]) => at)
          .sort()
          .at(-1) ?? null,
    };
  }

  function byId(id: string): Image | undefined {
    const found = images.get(id);
    return found === undefined ? undefined : toImage(found);
  }

  function byPrefix(text: string): Image | undefined {
    const bare = text.startsWith('sha256:') ? text.slice('sha256:'.length) : text;
    if (!/^[0-9a-f]{1,64}$/.test(bare)) return undefined;
    const matches = [...images.keys()].filter((id) => id.startsWith(`sha256:${bare}`));
    if (matches.length > 1) throw invalid(`ambiguous image id ${text}: ${matches.length} images start with it`);
    return matches[0] === undefined ? undefined : byId(matches[0]);
  }

  function byName(text: string): Image | undefined {
    if (/^sha(256|512):/.test(text)) return undefined;
    const reference = withDefaultTag(parseReference(text));
    const key = reference.digest === null ? formatReference(reference) : `${repositoryOf(reference)}@${reference.digest}`;
    const imageId = targets.get(key);
    if (imageId !== undefined) return byId(imageId);
    // name@ID also names an image that has that repository's tag, as Docker allows.
    if (reference.digest === null) return undefined;
    const image = byId(reference.digest);
    return image?.references.some((name) => name.startsWith(`${repositoryOf(reference)}:`)) ? image : undefined;
  }

  function find(text: string): Image | undefined {
    const exact = byId(text) ?? (text.length === 64 ? byPrefix(text) : undefined);
    if (exact !== undefined) return exact;
    let named: Image | undefined;
    try {
      named = byName(text);
    } catch (error) {
      if (!(error instanceof GantryError) || error.code !== 'invalid' || !/^[0-9a-f:sha]+$/.test(text)) throw error;
    }
    return named ?? byPrefix(text);
  }

  return {
    list: () => [...images.values()].map(toImage),
    byId,
    find,
    get(reference) {
      const image = find(reference);
      if (image !== undefined) return image;
      const isId = /^(sha256:)?[0-9a-f]{12,64}$/.test(reference);
      const parsed = isId ? null : withDefaultTag(parseReference(reference));
      throw notFound(
        `no such image: ${parsed === null || parsed.digest !== null || reference.includes(`:${parsed.tag}`) ? reference : `${reference}:${parsed.tag}`}`,
      );
    },
    put(record, config) {
      records.put(record.id, record);
      images.set(record.id, { record, config });
    },
    name(reference, imageId) {
      const at = new Date().toISOString();
      names.put(reference, { imageId, at });
      unlink(reference);
      link(reference, imageId, at);
    },
    unname(reference) {
      names.delete(reference);
      unlink(reference);
    },
    remove(id) {
      metadata.transaction(() => {
        for (const name of [...(namesOf.get(id)?.keys() ?? [])]) {
          names.delete(name);
          unlink(name);
        }
        records.delete(id);
      });
      namesOf.delete(id);
      images.delete(id);
    },
  };
}
