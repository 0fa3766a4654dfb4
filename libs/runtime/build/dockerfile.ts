import { invalid } from '@gantry/platform/errors';
import { type Instruction as AstInstruction, DockerfileParser } from 'dockerfile-ast';

/** One instruction of a Dockerfile, its lines joined, its variables not yet filled in. */
export interface Instruction {
  /** Upper case. */
  readonly keyword: string;
  readonly flags: ReadonlyMap<string, string>;
  /** What follows keyword and flags, continuation lines joined and comments between them dropped. */
  readonly text: string;
  /** The arguments of exec form (`["a", "b"]`); null in shell form. */
  readonly list: readonly string[] | null;
  readonly heredocs: readonly Heredoc[];
  /** As Docker shows it after `Step 1/2 : `. */
  readonly original: string;
  readonly line: number;
}

export interface Heredoc {
  readonly name: string;
  readonly content: string;
  /** False when the delimiter was quoted: nothing is filled in. */
  readonly isExpanded: boolean;
}

export interface Stage {
  /** Lower case; null without `AS`. */
  readonly name: string | null;
  readonly base: string;
  readonly platform: string | null;
  readonly from: Instruction;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  readonly escapeChar: string;
  /** ARGs before the first FROM. */
  readonly globalArgs: readonly Instruction[];
  readonly stages: readonly Stage[];
}

const keywords = new Set([
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
]);
const maxDockerfileBytes = 4 << 20;

function joinLines(text: string, escapeChar: string): string {
  const continued = escapeChar === '`' ? /`[ \t]*$/ : /\\[ \t]*$/;
  let joined = '';
  let isContinued = false;
  for (const line of text.split(/\r?\n/)) {
    if (isContinued && (/^\s*#/.test(line) || line.trim() === '')) continue;
    isContinued = continued.test(line);
    joined += isContinued ? line.replace(continued, '') : line;
  }
  return joined.trim();
}

export function parseList(text: string): string[] | null {
  if (!text.startsWith('[')) return null;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((word) => typeof word === 'string') ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** `<<EOF`, `<<-EOF`, `<<"EOF"`: content is what lies between the opening line and the delimiter's. */
function parseHeredocs(lines: readonly string[]): { opening: string; heredocs: Heredoc[] } {
  const [opening = '', ...rest] = lines;
  const heredocs: Heredoc[] = [];
  let at = 0;
  for (const match of opening.matchAll(/(?<![<\w])<<(-?)(["']?)([a-zA-Z_]\w*)\2/g)) {
    const [, dash, quote, name = ''] = match;
    const content: string[] = [];
    for (; at < rest.length; at++) {
      const line = dash === '-' ? (rest[at] ?? '').replace(/^\t+/, '') : (rest[at] ?? '');
      if (line.trimEnd() === name) break;
      content.push(line);
    }
    at++;
    heredocs.push({ name, content: content.map((line) => `${line}\n`).join(''), isExpanded: quote === '' });
  }
  return { opening, heredocs };
}

function takeFlags(text: string): { flags: Map<string, string>; rest: string } {
  const flags = new Map<string, string>();
  let rest = text;
  for (;;) {
    const match = /^--([a-z][a-z-]*)(?:=("[^"]*"|\S*))?(?:\s+|$)/.exec(rest);
    if (!match) return { flags, rest };
    flags.set(match[1] ?? '', match[2]?.replace(/^"|"$/g, '') ?? 'true');
    rest = rest.slice(match[0].length);
  }
}

const takesHeredocs = new Set(['RUN', 'COPY', 'ADD']);

/** One line or several of a Dockerfile's text, cut out already. */
export function parseInstruction(source: string, line: number, escapeChar = '\\'): Instruction {
  const keyword = (/^\s*(\w+)/.exec(source)?.[1] ?? '').toUpperCase();
  if (!keywords.has(keyword)) throw invalid(`dockerfile parse error on line ${line}: unknown instruction: ${/^\s*(\S*)/.exec(source)?.[1] ?? ''}`);
  const hasHeredoc = takesHeredocs.has(keyword) && /<<-?["']?[a-zA-Z_]/.test(source) && source.includes('\n');
  const { opening, heredocs } = hasHeredoc ? parseHeredocs(source.split(/\r?\n/)) : { opening: source, heredocs: [] };
  const joined = joinLines(opening, escapeChar);
  const { flags, rest } = takeFlags(joined.replace(/^\s*\w+\s*/, ''));
  if (rest === '' && keyword !== 'CMD' && keyword !== 'ENTRYPOINT') {
    throw invalid(`dockerfile parse error on line ${line}: ${keyword} requires at least one argument`);
  }
  return { keyword, flags, text: rest, list: parseList(rest), heredocs, original: joined.replace(/^\s*\w+/, keyword), line };
}

function toStage(from: Instruction): { name: string | null; base: string; platform: string | null } {
  const match = /^(\S+)(?:\s+as\s+(\S+))?$/i.exec(from.text);
  if (!match) throw invalid(`dockerfile parse error on line ${from.line}: FROM requires either one or three arguments`);
  const name = match[2]?.toLowerCase() ?? null;
  if (name !== null && !/^[a-z][a-z0-9-_.]*$/.test(name))
    throw invalid(`dockerfile parse error on line ${from.line}: invalid name for build stage: ${JSON.stringify(match[2])}`);
  return { name, base: match[1] ?? '', platform: from.flags.get('platform') ?? null };
}

/** Reads a Dockerfile. Errors are `invalid` and name the line. */
export function parseDockerfile(text: string): Dockerfile {
  if (text.length > maxDockerfileBytes) throw invalid(`the Dockerfile is over ${maxDockerfileBytes} bytes`);
  const ast = DockerfileParser.parse(text.replace(/^\ufeff/, ''));
  const escapeChar = ast.getEscapeCharacter();
  const all = ast.getInstructions().map((node: AstInstruction) => parseInstruction(node.getTextContent(), (node.getRange()?.start.line ?? 0) + 1, escapeChar));
  if (all.length === 0) throw invalid('the Dockerfile (Dockerfile) cannot be empty');
  const first = all.findIndex(({ keyword }) => keyword === 'FROM');
  const globalArgs = first < 0 ? all : all.slice(0, first);
  const stray = globalArgs.find(({ keyword }) => keyword !== 'ARG');
  if (stray || first < 0) throw invalid(`dockerfile parse error on line ${stray?.line ?? 1}: no build stage in current context`);
  const stages: (Omit<Stage, 'instructions'> & { instructions: Instruction[] })[] = [];
  for (const instruction of all.slice(first)) {
    if (instruction.keyword === 'FROM') stages.push({ ...toStage(instruction), from: instruction, instructions: [] });
    else stages.at(-1)?.instructions.push(instruction);
  }
  return { escapeChar, globalArgs, stages };
}
