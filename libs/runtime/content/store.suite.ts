import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { digestOf } from '@gantry/oci/digest';
import { describe, expect, it } from 'vitest';
import type { ContentStore } from './store.ts';

interface Subject {
  readonly store: ContentStore;
  /** Another opening of what the first left, without closing it: as after a kill. */
  reopen(): ContentStore;
  damage(digest: string): void;
}

/** What every content store must do. */
export function contentStoreSuite(name: string, open: () => Subject): void {
  describe(`content store ${name}`, () => {
    it('keeps bytes by digest', async () => {
      const { store, reopen } = open();
      const digest = await store.put(Buffer.from('hello'));
      expect(digest).toBe(digestOf(Buffer.from('hello')));
      const wide = await store.put(Buffer.from('wide'), 'sha512');
      expect(wide).toMatch(/^sha512:/);
      const again = reopen();
      expect((await again.read(digest)).toString()).toBe('hello');
      expect((await again.read(wide)).toString()).toBe('wide');
      expect(again.stat(digest)).toEqual({ digest, sizeBytes: 5 });
    });

    it('makes a blob of what somebody else wrote into a draft, and keeps the beginning of one', async () => {
      const { store, reopen } = open();
      const draft = await store.openDraft('layer');
      await expect(store.openDraft('layer')).rejects.toMatchObject({ code: 'wrong-state' });
      await writeFile(draft.path, 'begin');
      draft.close();
      const again = reopen();
      const second = await again.openDraft('layer');
      expect(second.sizeBytes).toBe(5);
      const digest = digestOf(Buffer.from('begin'));
      await expect(second.commit({ digest, sizeBytes: 6 })).rejects.toMatchObject({ code: 'digest-mismatch' });
      await second.commit({ digest, sizeBytes: 5 });
      expect((await again.read(digest)).toString()).toBe('begin');
      const third = await again.openDraft('layer');
      expect(third.sizeBytes).toBe(0);
      await writeFile(third.path, 'other');
      await third.discard();
      expect((await again.openDraft('layer')).sizeBytes).toBe(0);
    });

    it('makes a blob only when all of it is right', async () => {
      const { store } = open();
      const bytes = randomBytes(100_000);
      const ingest = await store.openIngest('layer');
      await ingest.write(bytes.subarray(0, 60_000));
      expect(store.list()).toEqual([]);
      await ingest.write(bytes.subarray(60_000));
      await ingest.commit({ digest: digestOf(bytes), sizeBytes: bytes.length });
      expect(store.list()).toEqual([{ digest: digestOf(bytes), sizeBytes: bytes.length }]);
    });

    it('refuses other bytes than promised and forgets them', async () => {
      const { store } = open();
      const ingest = await store.openIngest('layer');
      await ingest.write(Buffer.from('lies'));
      await expect(ingest.commit({ digest: digestOf(Buffer.from('truth')) })).rejects.toMatchObject({ code: 'digest-mismatch' });
      expect(store.list()).toEqual([]);
      const second = await store.openIngest('layer');
      expect(second.offset).toBe(0);
      await second.write(Buffer.from('truth'));
      await expect(second.commit({ digest: digestOf(Buffer.from('truth')), sizeBytes: 4 })).rejects.toMatchObject({ code: 'digest-mismatch' });
    });

    it('takes an interrupted ingest up where it stopped', async () => {
      const { store, reopen } = open();
      const bytes = randomBytes(50_000);
      const first = await store.openIngest('layer');
      await first.write(bytes.subarray(0, 20_000));
      const second = await reopen().openIngest('layer');
      expect(second.offset).toBe(20_000);
      await second.write(bytes.subarray(20_000));
      await second.commit({ digest: digestOf(bytes) });
    });

    it('lets one writer at an ingest at a time', async () => {
      const { store } = open();
      const first = await store.openIngest('layer');
      await expect(store.openIngest('layer')).rejects.toMatchObject({ code: 'wrong-state' });
      await first.abort();
      await (await store.openIngest('layer')).abort();
    });

    it('never hands out a damaged document, and lets it be stored anew', async () => {
      const { store, damage } = open();
      const digest = await store.put(Buffer.from('document'));
      damage(digest);
      await expect(store.read(digest)).rejects.toMatchObject({ code: 'corrupt' });
      expect(store.stat(digest)).toBeUndefined();
      await store.put(Buffer.from('document'));
      expect(await store.verify(digest)).toBe(true);
      damage(digest);
      expect(await store.verify(digest)).toBe(false);
      expect(store.stat(digest)).toBeUndefined();
    });

    it('streams a blob, and the end of a damaged one to nobody', async () => {
      const { store, damage } = open();
      const bytes = randomBytes(3 << 20);
      const digest = await store.put(bytes);
      expect(Buffer.concat(await store.stream(digest).toArray()).equals(bytes)).toBe(true);
      expect(Buffer.concat(await store.stream(digest, { start: 5, end: 9 }).toArray())).toEqual(bytes.subarray(5, 10));
      damage(digest);
      await expect(store.stream(digest).toArray()).rejects.toMatchObject({ code: 'corrupt' });
      expect(store.stat(digest)).toBeUndefined();
    });

    it('brings drafts to the disk, all at once and as often as asked', async () => {
      const { store, reopen } = open();
      const blobs = await Promise.all(
        ['one', 'two'].map(async (name) => {
          const draft = await store.openDraft(name);
          await writeFile(draft.path, name);
          await draft.commit({ digest: digestOf(Buffer.from(name)), sizeBytes: 3 });
          return digestOf(Buffer.from(name));
        }),
      );
      await Promise.all([store.flush(), store.flush()]);
      await store.collectGarbage((digest) => digest === blobs[0]);
      await store.flush();
      expect(reopen().list()).toEqual([{ digest: blobs[0], sizeBytes: 3 }]);
    });

    it('collects what nothing refers to, and keeps what is leased or referenced, also after a restart', async () => {
      const { store, reopen } = open();
      const [kept, leased, loose] = [await store.put(Buffer.from('kept')), await store.put(Buffer.from('leased')), await store.put(Buffer.from('loose'))];
      const lease = store.lease('a pull');
      lease.add(leased);
      const again = reopen();
      expect(await again.collectGarbage((digest) => digest === kept)).toEqual({ removed: [loose], reclaimedBytes: 5 });
      lease.release();
      const third = reopen();
      expect((await third.collectGarbage((digest) => digest === kept)).removed).toEqual([leased]);
    });

    it('refuses names that are not digests', () => {
      const { store } = open();
      expect(() => store.path('sha256:../../../etc/passwd')).toThrow('not a sha256 or sha512 digest');
    });
  });
}
