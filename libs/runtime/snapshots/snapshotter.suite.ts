import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '@gantry/oci/digest';
import { tarEnd, tarFile, tarHeader } from '@gantry/oci/tar';
import type { ContentStore } from '@gantry/runtime/content';
import { describe, expect, it } from 'vitest';
import type { Snapshotter } from './snapshotter.ts';

export interface SnapshotterSubject {
  readonly snapshots: Snapshotter;
  readonly content: ContentStore;
  /** Another opening of what the first left. */
  reopen(): Snapshotter;
}

const base = Buffer.concat([tarHeader({ name: 'etc/', type: 'directory', mode: 0o755 }), tarFile('etc/name', 'base'), tarFile('kept', 'kept'), tarEnd]);
const top = Buffer.concat([tarFile('etc/name', 'top'), tarFile('etc/.wh.gone', ''), tarEnd]);

/** What every snapshotter must do. */
export function snapshotterSuite(name: string, open: () => Promise<SnapshotterSubject>): void {
  describe(`snapshotter ${name}`, () => {
    async function unpackBoth({ snapshots, content }: SnapshotterSubject): Promise<string[]> {
      const chain = snapshots.chain([digestOf(base), digestOf(top)]);
      for (const [index, layer] of [base, top].entries()) {
        await snapshots.unpack({
          chainId: chain[index] ?? '',
          parent: chain[index - 1] ?? null,
          diffId: digestOf(layer),
          blobDigest: await content.put(layer),
        });
      }
      return chain;
    }

    it('unpacks layers once, and still has them after a restart', async () => {
      const subject = await open();
      const [bottom = '', above = ''] = await unpackBoth(subject);
      expect(subject.snapshots.has(bottom) && subject.snapshots.has(above)).toBe(true);
      const again = subject.reopen();
      expect(again.has(above)).toBe(true);
      // Nothing is read: the blob may be gone by now.
      const repeated = await again.unpack({ chainId: bottom, parent: null, diffId: digestOf(base), blobDigest: `sha256:${'0'.repeat(64)}` });
      expect(repeated).toMatchObject({ chainId: bottom, diffId: digestOf(base) });
    });

    it('keeps what was committed from the next flush on, and nothing of it when there was none', async () => {
      const { snapshots, content, reopen } = await open();
      const [bottom = '', above = ''] = snapshots.chain([digestOf(base), digestOf(top)]);
      const commit = async (layer: Buffer, chainId: string, parent: string | null) => {
        const draft = await snapshots.receive({ source: content.path(await content.put(layer)), digest: digestOf(layer), diffId: digestOf(layer), keep: null });
        await draft.commit({ chainId, parent });
      };
      await commit(base, bottom, null);
      await Promise.all([snapshots.flush(), snapshots.flush()]);
      await commit(top, above, bottom);
      expect(snapshots.has(above)).toBe(true);
      const again = reopen();
      expect([again.has(bottom), again.has(above)]).toEqual([true, false]);
    });

    it('takes no layer whose content is not what was promised, and leaves nothing of it', async () => {
      const { snapshots, content, reopen } = await open();
      const blobDigest = await content.put(base);
      const chainId = digestOf(top);
      await expect(snapshots.unpack({ chainId, parent: null, diffId: digestOf(top), blobDigest })).rejects.toMatchObject({ code: 'digest-mismatch' });
      expect(snapshots.has(chainId) || reopen().has(chainId)).toBe(false);
    });

    it('shares one unpacking among those who ask at once', async () => {
      const { snapshots, content } = await open();
      const layer = { chainId: digestOf(base), parent: null, diffId: digestOf(base), blobDigest: await content.put(base) };
      const results = await Promise.all(Array.from({ length: 5 }, () => snapshots.unpack(layer)));
      expect(new Set(results.map((result) => result.chainId))).toEqual(new Set([digestOf(base)]));
    });

    it('keeps what is written to an active snapshot apart from its layers, and makes a layer of it', async () => {
      const subject = await open();
      const { snapshots, content } = subject;
      const [, parent = null] = await unpackBoth(subject);
      const { upperDir, lowerDirs } = await snapshots.prepare('one', parent);
      const topmost = lowerDirs.map((directory) => join(directory, 'etc/name')).find((path) => existsSync(path));
      expect(readFileSync(topmost ?? '', 'utf8')).toBe('top');
      await mkdir(join(upperDir, 'new'));
      await writeFile(join(upperDir, 'new/file'), 'hello');
      expect(await snapshots.changes('one')).toEqual([
        { path: '/new', kind: 1 },
        { path: '/new/file', kind: 1 },
      ]);
      expect(await snapshots.usage('one')).toBe(5);
      const diff = await snapshots.diff('one');
      expect(content.stat(diff.blobDigest)?.sizeBytes).toBe(diff.blobBytes);
      await snapshots.unpack({ chainId: diff.chainId, parent, diffId: diff.diffId, blobDigest: diff.blobDigest });
      expect(snapshots.has(diff.chainId)).toBe(true);
      await snapshots.remove('one');
      expect(snapshots.keys()).toEqual([]);
      expect(() => snapshots.rootfs('one')).toThrow('there is no snapshot one');
    });

    it('starts from nothing when there is no parent', async () => {
      const { snapshots } = await open();
      const rootfs = await snapshots.prepare('scratch', null);
      expect(rootfs.lowerDirs.length).toBeGreaterThan(0);
      expect(await snapshots.changes('scratch')).toEqual([]);
    });

    it('collects what neither an image nor an active snapshot stands on', async () => {
      const subject = await open();
      const { snapshots } = subject;
      const [bottom = '', above = ''] = await unpackBoth(subject);
      await snapshots.prepare('user', bottom);
      expect((await snapshots.collectGarbage(() => false)).removed).toEqual([above]);
      expect((await snapshots.collectGarbage((chainId) => chainId === above)).removed).toEqual([]);
      await snapshots.remove('user');
      expect((await snapshots.collectGarbage(() => false)).removed).toEqual([bottom]);
      expect(subject.reopen().has(bottom)).toBe(false);
    });
  });
}
