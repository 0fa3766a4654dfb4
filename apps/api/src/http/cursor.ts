import { invalid } from '@gantry/platform/errors';
import { z } from 'zod';

/** Where a page ended: the values of the sort key, opaque to clients. */
const Cursor = z.array(z.string()).min(1).max(3);

export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

export function decodeCursor(cursor: string | undefined, length: number): string[] | null {
  if (cursor === undefined) return null;
  try {
    const key = Cursor.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    if (key.length === length) return key;
  } catch (cause) {
    throw invalid('cursor is none that a page answered', { field: 'cursor', cause });
  }
  throw invalid('cursor is of another list', { field: 'cursor' });
}

export interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

/** Of `limit + 1` rows read, the page and the cursor after it. */
export function toPage<Row, Item>(rows: readonly Row[], limit: number, keyOf: (row: Row) => readonly string[], toItem: (row: Row) => Item): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(toItem), nextCursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}
