type Wanted = Map<string, Wanted | null>;

/** `id,spec.name` as a tree; null: everything below. */
function toTree(fields: string): Wanted {
  const tree: Wanted = new Map();
  for (const path of fields.split(',')) {
    let at: Wanted = tree;
    const names = path.split('.');
    for (const [index, name] of names.entries()) {
      const known = at.get(name);
      // what is wanted whole stays so
      if (known === null) break;
      const next: Wanted | null = index === names.length - 1 ? null : (known ?? new Map());
      at.set(name, next);
      if (next === null) break;
      at = next;
    }
  }
  return tree;
}

function pick(value: unknown, wanted: Wanted): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value).flatMap(([name, inner]) => {
    const below = wanted.get(name);
    return below === undefined ? [] : [[name, below === null ? inner : pick(inner, below)] as const];
  });
  return Object.fromEntries(kept);
}

/** A page whose items have these fields alone; anything else as it is. The contract has checked that there are such fields. */
export function selectFields(body: unknown, fields: unknown): unknown {
  if (typeof fields !== 'string' || typeof body !== 'object' || body === null || !('items' in body) || !Array.isArray(body.items)) return body;
  const wanted = toTree(fields);
  return { ...body, items: body.items.map((item) => pick(item, wanted)) };
}
