import { replaceEqualDeep } from '@tanstack/react-query';

interface Versioned {
  id: unknown;
  version: number;
}

/**
 * For structuralSharing: an answer that was under way while a live event arrived may hold older records than the cache does. Of each
 * record the newer version stays; unchanged parts keep their identity.
 */
export function keepNewest(held: unknown, incoming: unknown): unknown {
  return replaceEqualDeep(held, mergeNewest(held, incoming));
}

function mergeNewest(held: unknown, incoming: unknown): unknown {
  if (isVersioned(held) && isVersioned(incoming)) return newestOf(held, incoming);
  if (!isPage(held) || !isPage(incoming)) return incoming;
  const heldById = new Map(held.items.filter(isVersioned).map((item) => [item.id, item]));
  if (heldById.size === 0) return incoming;
  return {
    ...incoming,
    items: incoming.items.map((item) => {
      const other = isVersioned(item) ? heldById.get(item.id) : undefined;
      return other && isVersioned(item) ? newestOf(other, item) : item;
    }),
  };
}

function newestOf(held: Versioned, incoming: Versioned): Versioned {
  return held.id === incoming.id && held.version > incoming.version ? held : incoming;
}

function isVersioned(value: unknown): value is Versioned {
  return typeof value === 'object' && value !== null && 'id' in value && 'version' in value && typeof value.version === 'number';
}

function isPage(value: unknown): value is { items: unknown[] } {
  return typeof value === 'object' && value !== null && 'items' in value && Array.isArray(value.items);
}
