import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { MetadataStore } from './store.ts';

const Fruit = z.object({ name: z.string(), weight: z.number() });

/** What every metadata store must do. `reopen` closes the store and opens what it left. */
export function metadataStoreSuite(
  name: string,
  open: () => { store: MetadataStore; reopen: () => MetadataStore; damage: (collection: string, id: string, body: string) => void },
): void {
  describe(`metadata store ${name}`, () => {
    it('gives back what was put, in order of first insertion, also after reopening', () => {
      const { store, reopen } = open();
      const fruits = store.collection('fruits', Fruit);
      fruits.put('b', { name: 'banana', weight: 120 });
      fruits.put('a', { name: 'apple', weight: 90 });
      fruits.put('b', { name: 'banana', weight: 125 });
      const again = reopen().collection('fruits', Fruit);
      expect(again.entries()).toEqual([
        ['b', { name: 'banana', weight: 125 }],
        ['a', { name: 'apple', weight: 90 }],
      ]);
      expect(again.get('a')).toEqual({ name: 'apple', weight: 90 });
      expect(again.get('c')).toBeUndefined();
    });

    it('gives back what is to be on disk soon, in order among the rest, also after reopening', () => {
      const { store, reopen } = open();
      const fruits = store.collection('fruits', Fruit);
      fruits.put('b', { name: 'banana', weight: 120 }, 'soon');
      fruits.put('a', { name: 'apple', weight: 90 });
      fruits.put('c', { name: 'cherry', weight: 3 }, 'soon');
      expect(fruits.delete('a', 'soon')).toBe(true);
      expect(fruits.delete('a', 'soon')).toBe(false);
      const again = reopen().collection('fruits', Fruit);
      again.put('d', { name: 'date', weight: 8 });
      expect(again.entries().map(([id]) => id)).toEqual(['b', 'c', 'd']);
    });

    it('undoes also what a failed transaction was to have on disk soon', () => {
      const { store } = open();
      const fruits = store.collection('fruits', Fruit);
      expect(() =>
        store.transaction(() => {
          fruits.put('a', { name: 'apple', weight: 2 }, 'soon');
          throw new Error('no');
        }),
      ).toThrow('no');
      expect(fruits.entries()).toEqual([]);
    });

    it('keeps collections apart and deletes', () => {
      const { store } = open();
      const one = store.collection('one', Fruit);
      const two = store.collection('two', Fruit);
      one.put('a', { name: 'apple', weight: 1 });
      two.put('a', { name: 'avocado', weight: 2 });
      expect(one.delete('a')).toBe(true);
      expect(one.delete('a')).toBe(false);
      expect(two.get('a')?.name).toBe('avocado');
    });

    it('undoes a transaction that throws', () => {
      const { store } = open();
      const fruits = store.collection('fruits', Fruit);
      fruits.put('a', { name: 'apple', weight: 1 });
      expect(() =>
        store.transaction(() => {
          fruits.put('a', { name: 'apple', weight: 2 });
          fruits.put('b', { name: 'banana', weight: 3 });
          throw new Error('no');
        }),
      ).toThrow('no');
      expect(fruits.entries()).toEqual([['a', { name: 'apple', weight: 1 }]]);
    });

    it('sets aside a record that no longer parses and keeps the others', () => {
      const { store, damage } = open();
      const fruits = store.collection('fruits', Fruit);
      fruits.put('a', { name: 'apple', weight: 1 });
      fruits.put('b', { name: 'banana', weight: 2 });
      fruits.put('c', { name: 'cherry', weight: 3 });
      damage('fruits', 'a', '{"name":');
      damage('fruits', 'b', '{"name":"banana"}');
      expect(fruits.entries()).toEqual([['c', { name: 'cherry', weight: 3 }]]);
      expect(fruits.get('a')).toBeUndefined();
      expect(store.quarantined().map((record) => [record.collection, record.id, record.body])).toEqual([
        ['fruits', 'a', '{"name":'],
        ['fruits', 'b', '{"name":"banana"}'],
      ]);
    });
  });
}
