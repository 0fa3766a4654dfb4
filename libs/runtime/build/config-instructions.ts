import { invalid } from '@gantry/platform/errors';
import type { ImageProcessConfig } from '@gantry/runtime/images';
import { type Instruction, parseInstruction } from './dockerfile.ts';
import { parseGoDuration } from './go-duration.ts';
import { expand, expandWords, splitWords, type Variables } from './words.ts';

type Healthcheck = NonNullable<ImageProcessConfig['Healthcheck']>;

export const defaultShell: readonly string[] = ['/bin/sh', '-c'];

/** Exec form as it is, shell form through the image's shell. */
export function toCommand(instruction: Instruction, config: ImageProcessConfig): string[] {
  if (instruction.list !== null) return [...instruction.list];
  return instruction.text === '' ? [] : [...(config.Shell ?? defaultShell), instruction.text];
}

/** `NAME=value NAME2="v 2"`, or the old `NAME the rest of the line`. */
export function toPairs(instruction: Instruction, variables: Variables, escapeChar: string): [string, string][] {
  const words = splitWords(instruction.text, escapeChar);
  if (!words[0]?.includes('=')) {
    const match = /^(\S+)\s+(.*)$/s.exec(instruction.text);
    if (!match) throw invalid(`dockerfile parse error on line ${instruction.line}: ${instruction.keyword} must have two arguments`);
    return [[expand(match[1] ?? '', variables, escapeChar), expand(match[2] ?? '', variables, escapeChar)]];
  }
  return words.map((word) => {
    const separator = word.indexOf('=');
    if (separator < 0)
      throw invalid(
        `dockerfile parse error on line ${instruction.line}: Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    const name = expand(word.slice(0, separator), variables, escapeChar);
    if (name === '') throw invalid(`dockerfile parse error on line ${instruction.line}: ${instruction.keyword} names can not be blank`);
    return [name, expand(word.slice(separator + 1), variables, escapeChar)];
  });
}

export function setEnv(env: readonly string[], name: string, value: string): string[] {
  const entry = `${name}=${value}`;
  const index = env.findIndex((variable) => variable.startsWith(`${name}=`));
  return index < 0 ? [...env, entry] : env.with(index, entry);
}

function toDuration(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ns = parseGoDuration(text);
  if (ns === null || ns < 0) throw invalid(`invalid duration ${JSON.stringify(text)} for --${flag}`);
  if (ns !== 0 && ns < 1_000_000) throw invalid(`Interval "${flag}" cannot be less than 1ms`);
  return ns;
}

function toHealthcheck(instruction: Instruction): Healthcheck {
  const [, kind = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(instruction.text) ?? [];
  if (kind.toUpperCase() === 'NONE') return { Test: ['NONE'] };
  if (kind.toUpperCase() !== 'CMD')
    throw invalid(`dockerfile parse error on line ${instruction.line}: Unknown type ${JSON.stringify(kind)} in HEALTHCHECK (try CMD)`);
  const list = parseInstruction(`CMD ${rest}`, instruction.line).list;
  if (rest === '') throw invalid(`dockerfile parse error on line ${instruction.line}: Missing command after HEALTHCHECK CMD`);
  const flag = (name: string) => toDuration(name, instruction.flags.get(name));
  const durations = { Interval: flag('interval'), Timeout: flag('timeout'), StartPeriod: flag('start-period'), StartInterval: flag('start-interval') };
  const retries = instruction.flags.get('retries');
  if (retries !== undefined && !/^[1-9]\d{0,8}$/.test(retries)) throw invalid(`--retries must be at least 1 (not ${retries})`);
  const given = Object.entries(durations).flatMap(([name, ns]) => (ns === undefined ? [] : [[name, ns]]));
  return {
    Test: list === null ? ['CMD-SHELL', rest] : ['CMD', ...list],
    ...Object.fromEntries(given),
    ...(retries === undefined ? {} : { Retries: Number(retries) }),
  };
}

function toExposed(word: string): string[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(word);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || first < 1 || last > 65535 || last < first) throw invalid(`invalid containerPort: ${word}`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${(match[3] ?? 'tcp').toLowerCase()}`);
}

function withKeys(set: Record<string, unknown> | null | undefined, keys: readonly string[]): Record<string, unknown> {
  return { ...set, ...Object.fromEntries(keys.map((key) => [key, {}])) };
}

type Apply = (config: ImageProcessConfig, instruction: Instruction, variables: Variables, escapeChar: string) => ImageProcessConfig;

/** Instructions that change nothing but the image's config. */
const applications: Readonly<Record<string, Apply>> = {
  ENV: (config, instruction, variables, escapeChar) => {
    const pairs = toPairs(instruction, variables, escapeChar);
    return { ...config, Env: pairs.reduce((env, [name, value]) => setEnv(env, name, value), config.Env ?? []) };
  },
  LABEL: (config, instruction, variables, escapeChar) => ({
    ...config,
    Labels: { ...config.Labels, ...Object.fromEntries(toPairs(instruction, variables, escapeChar)) },
  }),
  MAINTAINER: (config) => config,
  CMD: (config, instruction) => ({ ...config, Cmd: toCommand(instruction, config) }),
  ENTRYPOINT: (config, instruction) => ({ ...config, Entrypoint: toCommand(instruction, config) }),
  SHELL: (config, instruction) => {
    if (instruction.list === null || instruction.list.length === 0)
      throw invalid(`dockerfile parse error on line ${instruction.line}: SHELL requires the arguments to be in JSON form`);
    return { ...config, Shell: [...instruction.list] };
  },
  USER: (config, instruction, variables, escapeChar) => ({ ...config, User: expand(instruction.text, variables, escapeChar) }),
  STOPSIGNAL: (config, instruction, variables, escapeChar) => {
    const signal = expand(instruction.text, variables, escapeChar);
    if (!/^(?:\d{1,2}|[A-Z][A-Z0-9]*(?:[+-]\d+)?)$/i.test(signal)) throw invalid(`invalid signal: ${signal}`);
    return { ...config, StopSignal: signal };
  },
  WORKDIR: (config, instruction, variables, escapeChar) => ({
    ...config,
    WorkingDir: resolvePath(config.WorkingDir ?? '', expand(instruction.text, variables, escapeChar)),
  }),
  EXPOSE: (config, instruction, variables, escapeChar) => ({
    ...config,
    ExposedPorts: withKeys(config.ExposedPorts, expandWords(instruction.text, variables, escapeChar).flatMap(toExposed)),
  }),
  VOLUME: (config, instruction, variables, escapeChar) => {
    const paths = instruction.list ?? expandWords(instruction.text, variables, escapeChar);
    if (paths.some((path) => path.trim() === '')) throw invalid('VOLUME specified can not be an empty string');
    return { ...config, Volumes: withKeys(config.Volumes, paths) };
  },
  HEALTHCHECK: (config, instruction) => ({ ...config, Healthcheck: toHealthcheck(instruction) }),
  ONBUILD: (config, instruction) => {
    const trigger = /^\w+/.exec(instruction.text)?.[0].toUpperCase() ?? '';
    if (['ONBUILD', 'FROM', 'MAINTAINER'].includes(trigger))
      throw invalid(trigger === 'ONBUILD' ? "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed" : `${trigger} isn't allowed as an ONBUILD trigger`);
    return { ...config, OnBuild: [...(config.OnBuild ?? []), instruction.text] };
  },
};

/** Joins like POSIX, `.` and `..` resolved, never above the root. */
export function resolvePath(base: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${base}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

export function changesOnlyConfig(keyword: string): boolean {
  return Object.hasOwn(applications, keyword);
}

export function applyInstruction(config: ImageProcessConfig, instruction: Instruction, variables: Variables, escapeChar: string): ImageProcessConfig {
  const apply = applications[instruction.keyword];
  if (apply === undefined) throw invalid(`${instruction.keyword} is not a valid change command`);
  return apply(config, instruction, variables, escapeChar);
}

/** `docker commit --change` and `docker import --change`. */
export function applyInstructions(config: ImageProcessConfig, lines: readonly string[]): ImageProcessConfig {
  return lines.reduce((current, line) => {
    const env = new Map((current.Env ?? []).map((entry): [string, string] => [entry.replace(/=.*$/s, ''), entry.slice(entry.indexOf('=') + 1)]));
    return applyInstruction(current, parseInstruction(line, 1), (name) => env.get(name), '\\');
  }, config);
}
