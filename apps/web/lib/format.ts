const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < binaryUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${trimZero(value.toFixed(digits))} ${binaryUnits[unit] ?? 'PiB'}`;
}

export function formatCpus(nanoCpus: number): string {
  return trimZero((nanoCpus / 1e9).toFixed(2).replace(/0$/, ''));
}

export function formatCount(count: number, singular: string, plural = `${singular}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? singular : plural}`;
}

export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** As container tools do: without the registry's default parts and with a digest cut short. */
export function shortImage(image: string): string {
  return image
    .replace(/^docker\.io\/(library\/)?/, '')
    .replace(/^sha256:([0-9a-f]{12})[0-9a-f]+$/, '$1')
    .replace(/@sha256:([0-9a-f]{12})[0-9a-f]+$/, '@$1');
}

function trimZero(digits: string): string {
  return digits.replace(/\.0$/, '');
}
