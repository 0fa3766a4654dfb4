const falseWords: ReadonlySet<string> = new Set(['', '0', 'no', 'false', 'none']);

/** Docker's reading of a boolean parameter: a few words are false, anything else is true. `absent` is what a missing one means. */
export function toBoolean(value: string | null | undefined, absent = false): boolean {
  if (value === null || value === undefined) return absent;
  return !falseWords.has(value.trim().toLowerCase());
}
