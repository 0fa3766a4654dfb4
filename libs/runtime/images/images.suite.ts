import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Image, Images } from './images.ts';

export interface ImagesSubject {
  readonly images: Images;
  /** A docker-archive of one image that is called so. */
  archive(reference: string): Promise<Buffer>;
}

const name = 'contract/image:1';
const full = `docker.io/${name}`;

/** What every keeper of images must do. */
export function imagesSuite(about: string, open: () => ImagesSubject): void {
  describe(`images ${about}`, () => {
    let subject: ImagesSubject;
    let image: Image;
    beforeEach(async () => {
      subject = open();
      const [loaded] = await subject.images.load(Readable.from([await subject.archive(name)]));
      image = loaded?.image ?? expect.fail('the archive has an image');
    });
    afterEach(async () => {
      if (subject.images.find(image.id) !== undefined) await subject.images.remove(image.id, { force: true });
    });

    it('are found by id, prefix of one, familiar and whole names', () => {
      for (const reference of [image.id, image.id.slice(7), image.id.slice(7, 19), name, full])
        expect(subject.images.get(reference).id, reference).toBe(image.id);
      expect(subject.images.find('contract/none')).toBeUndefined();
      expect(() => subject.images.get('contract/none')).toThrow('no such image: contract/none:latest');
      expect(subject.images.list().filter(({ id }) => id === image.id)).toHaveLength(1);
    });

    it('lose a name that another takes, and go with their last', async () => {
      subject.images.tag(name, 'contract/other:2');
      expect(subject.images.get(image.id).references).toEqual([full, 'docker.io/contract/other:2']);
      expect(await subject.images.remove(name)).toEqual({ untagged: [name], deleted: [] });
      expect(subject.images.find(name)).toBeUndefined();
      const removed = await subject.images.remove('contract/other:2');
      expect(removed).toMatchObject({ untagged: ['contract/other:2'], deleted: expect.arrayContaining([image.id]) });
      expect(subject.images.find(image.id)).toBeUndefined();
    });

    it('refuse names that are none', () => {
      for (const bad of ['', 'UPPER', 'a b', 'name:', `x@sha256:${'a'.repeat(64)}`]) expect(() => subject.images.tag(name, bad), bad).toThrow();
    });

    it('are the same after they were saved and loaded', async () => {
      const archive = Buffer.concat(await subject.images.save([name]).toArray());
      await subject.images.remove(image.id, { force: true });
      const [again] = await subject.images.load(Readable.from([archive]));
      expect(again).toMatchObject({ references: [full], image: { id: image.id, manifestDigest: image.manifestDigest, layers: image.layers } });
    });

    it('are made of a root file system, and of parts that are there', async () => {
      const [layer] = image.layers;
      const made = await subject.images.compose({
        config: { ...image.config, created: '2001-01-01T00:00:00Z' },
        layers: layer === undefined ? [] : [layer],
        references: ['contract/composed:1'],
      });
      expect(made.id).not.toBe(image.id);
      expect(made).toMatchObject({ references: ['docker.io/contract/composed:1'], chainId: image.chainId });
      await subject.images.remove(image.id, { force: true });
      expect(subject.images.get('contract/composed:1').layers).toEqual(image.layers);
      await subject.images.remove(made.id, { force: true });
    });
  });
}
