import { shortDigest } from '@gantry/oci/digest';
import { familiarReference } from '@gantry/oci/reference';
import { conflict } from '@gantry/platform/errors';
import type { ImageRecords } from './image-records.ts';
import type { Image, ImageUser, RemovedImage } from './images.ts';

interface RemoverParts {
  readonly records: ImageRecords;
  readonly emit: (action: string, id: string, name: string) => void;
  readonly findUser: (imageId: string) => ImageUser | null;
  readonly collect: () => Promise<{ reclaimedBytes: number; layers: string[] }>;
}

const repository = (reference: string) => reference.slice(0, reference.includes('@') ? reference.indexOf('@') : reference.lastIndexOf(':'));

/** `docker rmi` by name takes the name away, and the image with its last name; by id it takes all of it. Docker's refusals, in its words. */
export function createRemover({ records, emit, findUser, collect }: RemoverParts) {
  function untag(image: Image, names: readonly string[]): string[] {
    for (const name of names) {
      records.unname(name);
      emit('untag', image.id, image.id);
    }
    return names.map(familiarReference);
  }

  function drop(image: Image): RemovedImage {
    const untagged = untag(image, [...image.references, ...image.repoDigests]);
    records.remove(image.id);
    emit('delete', image.id, image.id);
    return { untagged, deleted: [image.id] };
  }

  function refuseIfUsed(image: Image, asked: string, force: boolean, isByName: boolean): void {
    const user = findUser(image.id);
    if (user === null) return;
    const container = user.containerId.slice(0, 12);
    if (isByName) {
      if (force && !user.isRunning) return;
      throw conflict(
        `conflict: unable to remove repository reference "${asked}" (must force) - container ${container} is using its referenced image ${shortDigest(image.id)}`,
      );
    }
    if (user.isRunning)
      throw conflict(`conflict: unable to delete ${shortDigest(image.id)} (cannot be forced) - image is being used by running container ${container}`);
    if (!force) throw conflict(`conflict: unable to delete ${shortDigest(image.id)} (must be forced) - image is being used by stopped container ${container}`);
  }

  function removeByName(image: Image, asked: string, name: string, force: boolean): RemovedImage {
    const others = image.references.filter((reference) => reference !== name);
    if (others.length > 0) {
      const lostDigests = image.repoDigests.filter(
        (digest) => repository(digest) === repository(name) && !others.some((other) => repository(other) === repository(name)),
      );
      return { untagged: untag(image, [name, ...lostDigests]), deleted: [] };
    }
    const user = findUser(image.id);
    if (user?.isRunning === true && force) return { untagged: untag(image, [name, ...image.repoDigests]), deleted: [] };
    refuseIfUsed(image, asked, force, true);
    return drop(image);
  }

  function removeById(image: Image, force: boolean): RemovedImage {
    refuseIfUsed(image, image.id, force, false);
    if (!force && new Set(image.references.map(repository)).size > 1) {
      throw conflict(`conflict: unable to delete ${shortDigest(image.id)} (must be forced) - image is referenced in multiple repositories`);
    }
    return drop(image);
  }

  return {
    async remove(asked: string, force: boolean): Promise<RemovedImage> {
      const image = records.get(asked);
      const name = image.references.find(
        (reference) => asked === reference || asked === familiarReference(reference) || `${asked}:latest` === familiarReference(reference),
      );
      const removed = name === undefined ? removeById(image, force) : removeByName(image, asked, name, force);
      if (removed.deleted.length === 0) return removed;
      const { layers } = await collect();
      return { untagged: removed.untagged, deleted: [...removed.deleted, ...layers] };
    },

    async prune(matches: (image: Image) => boolean): Promise<RemovedImage & { reclaimedBytes: number }> {
      const untagged: string[] = [];
      const deleted: string[] = [];
      for (const image of records.list()) {
        if (!matches(image) || findUser(image.id) !== null) continue;
        const removed = drop(image);
        untagged.push(...removed.untagged);
        deleted.push(...removed.deleted);
      }
      const { layers, reclaimedBytes } = await collect();
      return { untagged, deleted: [...deleted, ...layers], reclaimedBytes };
    },
  };
}
