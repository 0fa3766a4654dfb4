const word = /(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+/g;
const part = /"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|\\([\s\S])|([^"'\\]+)/g;

function unquote(text: string): string {
  return text.replace(
    part,
    (_, double?: string, single?: string, escaped?: string, bare?: string) => double?.replace(/\\([\s\S])/g, '$1') ?? single ?? escaped ?? bare ?? '',
  );
}

/** Splits a command line as a shell would, quotes and backslashes only: Compose's reading of a `command` that is one string. */
export function splitShellWords(line: string): string[] {
  return (line.match(word) ?? []).map(unquote);
}
