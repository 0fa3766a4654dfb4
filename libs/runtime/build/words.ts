import { invalid } from '@gantry/platform/errors';

/** What `$NAME` stands for; undefined: unset. */
export type Variables = (name: string) => string | undefined;

interface Cursor {
  readonly text: string;
  readonly escapeChar: string;
  readonly variables: Variables;
  at: number;
}

/** Go's path.Match subset of shell patterns, as `${v#p}` and `${v/p/r}` use them: `*`, `?`, and escapes. */
function patternSource(pattern: string, isGreedy: boolean): string {
  let source = '';
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] ?? '';
    if (character === '*') source += isGreedy ? '.*' : '.*?';
    else if (character === '?') source += '.';
    else {
      if (character === '\\') index++;
      source += (pattern[index] ?? '\\').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    }
  }
  return source;
}

function longestPrefix(pattern: string, isGreedy: boolean): RegExp {
  return new RegExp(`^${patternSource(pattern, isGreedy)}`, 's');
}

function withoutSuffix(value: string, pattern: string, isGreedy: boolean): string {
  const whole = new RegExp(`^${patternSource(pattern, true)}$`, 's');
  const starts = Array.from({ length: value.length + 1 }, (_, index) => index);
  const start = (isGreedy ? starts : starts.reverse()).find((index) => whole.test(value.slice(index)));
  return start === undefined ? value : value.slice(0, start);
}

function replaceIn(value: string, operand: string, isGlobal: boolean): string {
  const separator = operand.search(/(?<!\\)\//);
  const pattern = separator < 0 ? operand : operand.slice(0, separator);
  const replacement = separator < 0 ? '' : operand.slice(separator + 1);
  return pattern === '' ? value : value.replace(new RegExp(patternSource(pattern.replaceAll('\\/', '/'), true), isGlobal ? 'gs' : 's'), () => replacement);
}

/** The operators of `${name…}`. */
function modify(name: string, value: string | undefined, operator: string, operand: string): string {
  switch (operator) {
    case ':-':
      return value ? value : operand;
    case '-':
      return value ?? operand;
    case ':+':
      return value ? operand : '';
    case '+':
      return value === undefined ? '' : operand;
    case ':?':
    case '?':
      if (operator === ':?' ? value : value !== undefined) return value ?? '';
      throw invalid(`${name}: ${operand || 'not allowed to be unset'}`);
    case '#':
    case '##':
      return (value ?? '').replace(longestPrefix(operand, operator === '##'), '');
    case '%':
    case '%%':
      return withoutSuffix(value ?? '', operand, operator === '%%');
    case '/':
    case '//':
      return replaceIn(value ?? '', operand, operator === '//');
    default:
      throw invalid(`unsupported modifier (${operator}) in substitution`);
  }
}

function readBraced(cursor: Cursor): string {
  const nameMatch = /^(?:[a-zA-Z_]\w*|\d+|[@*#?!$-])/.exec(cursor.text.slice(cursor.at));
  if (!nameMatch) throw invalid(`syntax error: bad substitution in ${JSON.stringify(cursor.text)}`);
  const [name] = nameMatch;
  cursor.at += name.length;
  const value = cursor.variables(name);
  if (cursor.text[cursor.at] === '}') {
    cursor.at++;
    return value ?? '';
  }
  const operator = /^(?::[-+?]|[-+?]|##?|%%?|\/\/?)/.exec(cursor.text.slice(cursor.at))?.[0];
  if (operator === undefined) throw invalid(`unsupported modifier (${cursor.text.slice(cursor.at, cursor.at + 2)}) in substitution`);
  cursor.at += operator.length;
  const operand = readUntil(cursor, '}');
  return modify(name, value, operator, operand);
}

function readVariable(cursor: Cursor): string {
  cursor.at++;
  if (cursor.text[cursor.at] === '{') {
    cursor.at++;
    return readBraced(cursor);
  }
  const name = /^(?:[a-zA-Z_]\w*|\d|[@*#?!$-])/.exec(cursor.text.slice(cursor.at))?.[0];
  if (name === undefined) return '$';
  cursor.at += name.length;
  return cursor.variables(name) ?? '';
}

function readSingleQuoted(cursor: Cursor): string {
  const end = cursor.text.indexOf("'", cursor.at + 1);
  if (end < 0) throw invalid('unexpected end of statement while looking for matching single-quote');
  const value = cursor.text.slice(cursor.at + 1, end);
  cursor.at = end + 1;
  return value;
}

function readDoubleQuoted(cursor: Cursor): string {
  cursor.at++;
  let value = '';
  for (;;) {
    const character = cursor.text[cursor.at];
    if (character === undefined) throw invalid('unexpected end of statement while looking for matching double-quote');
    if (character === '"') {
      cursor.at++;
      return value;
    }
    if (character === '$') value += readVariable(cursor);
    else if (character === cursor.escapeChar) {
      const next = cursor.text[cursor.at + 1] ?? '';
      value += next === '"' || next === '$' || next === cursor.escapeChar ? next : character + next;
      cursor.at += 2;
    } else {
      value += character;
      cursor.at++;
    }
  }
}

/** One piece of unquoted text, quotes taken off and variables filled in. */
function readPiece(cursor: Cursor): string {
  const character = cursor.text[cursor.at] ?? '';
  if (character === "'") return readSingleQuoted(cursor);
  if (character === '"') return readDoubleQuoted(cursor);
  if (character === '$') return readVariable(cursor);
  if (character === cursor.escapeChar) {
    cursor.at += 2;
    return cursor.text[cursor.at - 1] ?? '';
  }
  cursor.at++;
  return character;
}

function readUntil(cursor: Cursor, end: string): string {
  let value = '';
  while (cursor.text[cursor.at] !== end) {
    if (cursor.at >= cursor.text.length) throw invalid(`syntax error: missing '${end}' in ${JSON.stringify(cursor.text)}`);
    value += readPiece(cursor);
  }
  cursor.at++;
  return value;
}

/** Replaces variables and takes quotes off, as Docker does in every instruction but RUN, CMD and ENTRYPOINT. */
export function expand(text: string, variables: Variables, escapeChar = '\\'): string {
  const cursor: Cursor = { text, escapeChar, variables, at: 0 };
  let value = '';
  while (cursor.at < text.length) value += readPiece(cursor);
  return value;
}

/** The same, cut into words at unquoted white space; the value of a variable may be several words. */
export function expandWords(text: string, variables: Variables, escapeChar = '\\'): string[] {
  const cursor: Cursor = { text, escapeChar, variables, at: 0 };
  const words: string[] = [];
  let word: string | null = null;
  const flush = () => {
    if (word !== null) words.push(word);
    word = null;
  };
  while (cursor.at < text.length) {
    const character = text[cursor.at] ?? '';
    if (/\s/.test(character)) {
      flush();
      cursor.at++;
    } else if (character === '$') {
      const [first, ...rest] = readVariable(cursor).split(/\s+/);
      word = (word ?? '') + (first ?? '');
      for (const part of rest) {
        flush();
        word = part;
      }
    } else word = (word ?? '') + readPiece(cursor);
  }
  flush();
  return words;
}

/** Words as written: quotes and variables stay in them. */
export function splitWords(text: string, escapeChar = '\\'): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? '';
    if (quote === '' && /\s/.test(character)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    word += character;
    if (character === escapeChar && quote !== "'") word += text[++index] ?? '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = '';
  }
  if (word !== '') words.push(word);
  return words;
}
