import { parseLabelFilter } from '@gantry/contracts/http-api';

interface NameFilter {
  readonly name?: string | undefined;
  readonly namePrefix?: string | undefined;
}

/** Conditions on a name; a cursor's may stand beside them. */
export function whereName({ name, namePrefix }: NameFilter): { name: { equals?: string; startsWith?: string } }[] {
  return [...(name === undefined ? [] : [{ name: { equals: name } }]), ...(namePrefix === undefined ? [] : [{ name: { startsWith: namePrefix } }])];
}

/** Conditions on labels that are a JSON object at `path` of a column. */
export function whereLabels(
  label: string | undefined,
  path: readonly string[],
): ({ path: string[]; equals: string } | { path: string[]; string_starts_with: string })[] {
  return parseLabelFilter(label).map(({ name, value }) => {
    const at = [...path, name];
    // every label's value is a string, and begins with nothing
    return value === null ? { path: at, string_starts_with: '' } : { path: at, equals: value };
  });
}
