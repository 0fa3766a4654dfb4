// Built from its parts, because a control character in a regular expression is more often a mistake.
const escapeCharacter = String.fromCharCode(27);
const sequences = new RegExp(`${escapeCharacter}(?:\\[[0-?]*[ -/]*[@-~]|\\][^${escapeCharacter}\\u0007]*(?:\\u0007|${escapeCharacter}\\\\)?|[@-Z\\\\^_])`, 'g');

/** A line without the terminal's colours and cursor movements (ECMA-48), which would show as rubbish here. */
export function toPlainText(line: string): string {
  return line.includes(escapeCharacter) ? line.replace(sequences, '') : line;
}
