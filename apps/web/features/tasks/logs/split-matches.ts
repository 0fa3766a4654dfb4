interface Part {
  text: string;
  isMatch: boolean;
  start: number;
}

/** Cuts a line at each place where `wanted` (lower case) occurs, whatever the case there. */
export function splitMatches(line: string, wanted: string): Part[] {
  const lower = line.toLowerCase();
  // Lower case can be longer than the text ("İ"): offsets would not fit, so the line is left whole.
  if (wanted === '' || lower.length !== line.length) return [{ text: line, isMatch: false, start: 0 }];
  const parts: Part[] = [];
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    if (at > from) parts.push({ text: line.slice(from, at), isMatch: false, start: from });
    from = at + wanted.length;
    parts.push({ text: line.slice(at, from), isMatch: true, start: at });
  }
  if (from < line.length) parts.push({ text: line.slice(from), isMatch: false, start: from });
  return parts;
}
