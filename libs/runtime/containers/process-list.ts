import { invalid } from '@gantry/platform/errors';

/** One process as /proc/PID tells it. */
export interface ProcessFacts {
  readonly pid: number;
  /** /proc/PID/stat */
  readonly stat: string;
  /** /proc/PID/status */
  readonly status: string;
  /** /proc/PID/cmdline */
  readonly cmdline: string;
}

export interface HostFacts {
  readonly nowMs: number;
  readonly uptimeSeconds: number;
  readonly memoryBytes: number;
  readonly users: ReadonlyMap<number, string>;
  readonly groups: ReadonlyMap<number, string>;
}

interface Process {
  readonly pid: number;
  readonly comm: string;
  /** The columns of proc(5)'s stat that follow the command; its number there minus 3. */
  readonly stat: readonly string[];
  readonly uid: number;
  readonly gid: number;
  readonly args: string;
  readonly cpuSeconds: number;
  readonly elapsedSeconds: number;
  readonly host: HostFacts;
}

/** USER_HZ: fixed at 100 on Linux, whatever the kernel's own tick. */
const ticksPerSecond = 100;
const pageKib = 4;

function toProcess({ pid, stat, status, cmdline }: ProcessFacts, host: HostFacts): Process {
  const open = stat.indexOf('(');
  const close = stat.lastIndexOf(')');
  const comm = stat.slice(open + 1, close);
  const columns = stat
    .slice(close + 2)
    .trim()
    .split(' ');
  const id = (name: string) => Number(new RegExp(`^${name}:\\s+\\d+\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  const args = cmdline.replaceAll('\0', ' ').trim();
  return {
    pid,
    comm,
    stat: columns,
    uid: id('Uid'),
    gid: id('Gid'),
    args: args === '' ? `[${comm}]` : args,
    cpuSeconds: (Number(columns[11]) + Number(columns[12])) / ticksPerSecond,
    elapsedSeconds: Math.max(0, host.uptimeSeconds - Number(columns[19]) / ticksPerSecond),
    host,
  };
}

const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
const clock = (seconds: number) => `${two(seconds / 60 / 60)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
const days = (seconds: number) => (seconds >= 86_400 ? `${Math.floor(seconds / 86_400)}-` : '');

function elapsed(seconds: number): string {
  return seconds < 3600 ? `${two(seconds / 60)}:${two(seconds % 60)}` : `${days(seconds)}${clock(seconds % 86_400)}`;
}

function startedAt({ host, elapsedSeconds }: Process): string {
  const started = new Date(host.nowMs - elapsedSeconds * 1000);
  if (elapsedSeconds < 86_400) return `${two(started.getHours())}:${two(started.getMinutes())}`;
  const month = started.toLocaleString('en-US', { month: 'short' });
  return started.getFullYear() === new Date(host.nowMs).getFullYear() ? `${month}${two(started.getDate())}` : String(started.getFullYear());
}

/** Names of more than eight letters are cut, as ps does. */
const named = (names: ReadonlyMap<number, string>, id: number) => {
  const name = names.get(id) ?? String(id);
  return name.length > 8 ? `${name.slice(0, 7)}+` : name;
};

function terminal({ stat }: Process): string {
  const number = Number(stat[4]);
  const major = (number >> 8) & 0xfff;
  const minor = (number & 0xff) | ((number >>> 20) << 8);
  if (major >= 136 && major <= 143) return `pts/${minor + (major - 136) * 256}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  return major === 5 && minor === 1 ? 'console' : '?';
}

function flags({ pid, stat }: Process): string {
  const nice = Number(stat[16]);
  const marks = [
    [nice < 0, '<'],
    [nice > 0, 'N'],
    [Number(stat[3]) === pid, 's'],
    [Number(stat[17]) > 1, 'l'],
    [Number(stat[5]) > 0 && stat[5] === stat[2], '+'],
  ] as const;
  return `${stat[0]}${marks.map(([is, mark]) => (is ? mark : '')).join('')}`;
}

const percentCpu = ({ cpuSeconds, elapsedSeconds }: Process) => (elapsedSeconds > 0 ? (cpuSeconds / elapsedSeconds) * 100 : 0);
const rssKib = ({ stat }: Process) => Number(stat[21]) * pageKib;

type Column = readonly [title: string, value: (process: Process) => string | number];

const user: Column[1] = (process) => named(process.host.users, process.uid);
const group: Column[1] = (process) => named(process.host.groups, process.gid);
const time: Column[1] = ({ cpuSeconds }) => `${days(cpuSeconds)}${clock(cpuSeconds % 86_400)}`;
const memory: Column[1] = (process) => ((rssKib(process) * 1024 * 100) / process.host.memoryBytes).toFixed(1);
const cpu: Column[1] = (process) => percentCpu(process).toFixed(1);
const comm: Column[1] = (process) => process.comm;
const args: Column[1] = (process) => process.args;
const vsz: Column[1] = ({ stat }) => Math.floor(Number(stat[20]) / 1024);
const at =
  (index: number): Column[1] =>
  (process) =>
    process.stat[index] ?? '';

/** ps(1)'s names of columns. */
const columns: Readonly<Record<string, Column>> = {
  pid: ['PID', ({ pid }) => pid],
  ppid: ['PPID', at(1)],
  pgid: ['PGID', at(2)],
  pgrp: ['PGRP', at(2)],
  sid: ['SID', at(3)],
  sess: ['SESS', at(3)],
  uid: ['UID', ({ uid }) => uid],
  euid: ['EUID', ({ uid }) => uid],
  user: ['USER', user],
  euser: ['EUSER', user],
  uname: ['USER', user],
  gid: ['GID', ({ gid }) => gid],
  egid: ['EGID', ({ gid }) => gid],
  group: ['GROUP', group],
  egroup: ['EGROUP', group],
  comm: ['COMMAND', comm],
  ucmd: ['CMD', comm],
  ucomm: ['COMMAND', comm],
  args: ['COMMAND', args],
  cmd: ['CMD', args],
  command: ['COMMAND', args],
  c: ['C', (process) => Math.min(99, Math.floor(percentCpu(process)))],
  '%cpu': ['%CPU', cpu],
  pcpu: ['%CPU', cpu],
  '%mem': ['%MEM', memory],
  pmem: ['%MEM', memory],
  vsz: ['VSZ', vsz],
  vsize: ['VSZ', vsz],
  rss: ['RSS', rssKib],
  rssize: ['RSS', rssKib],
  rsz: ['RSZ', rssKib],
  tty: ['TT', terminal],
  tt: ['TT', terminal],
  tname: ['TTY', terminal],
  stat: ['STAT', flags],
  s: ['S', at(0)],
  state: ['S', at(0)],
  time: ['TIME', time],
  cputime: ['TIME', time],
  bsdtime: ['TIME', ({ cpuSeconds }) => `${Math.floor(cpuSeconds / 60)}:${two(cpuSeconds % 60)}`],
  etime: ['ELAPSED', ({ elapsedSeconds }) => elapsed(elapsedSeconds)],
  etimes: ['ELAPSED', ({ elapsedSeconds }) => Math.floor(elapsedSeconds)],
  stime: ['STIME', startedAt],
  start_time: ['START', startedAt],
  ni: ['NI', at(16)],
  nice: ['NI', at(16)],
  pri: ['PRI', ({ stat }) => 39 - Number(stat[15])],
  psr: ['PSR', at(36)],
  nlwp: ['NLWP', at(17)],
  thcount: ['THCNT', at(17)],
};

interface Wanted {
  readonly title: string;
  readonly value: Column[1];
}

function column(name: string, title?: string): Wanted {
  const found = columns[name.toLowerCase()];
  if (found === undefined) throw invalid(`ps: ${JSON.stringify(name.slice(0, 100))} is not a column known here`);
  return { title: title ?? found[0], value: found[1] };
}

const columnsOf = (names: string, titles: Readonly<Record<string, string>> = {}) => names.split(' ').map((name) => column(name, titles[name]));
const formats = {
  plain: columnsOf('pid tname time ucmd'),
  full: columnsOf('user pid ppid c stime tname time cmd', { user: 'UID' }),
  bsd: columnsOf('pid tname stat bsdtime args'),
  bsdUser: columnsOf('user pid %cpu %mem vsz rss tname stat start_time bsdtime args'),
} as const;

/** `pid,comm`, or `pid=TITLE`, whose title takes the rest. */
function parseColumns(list: string): Wanted[] {
  const [names = '', ...title] = list.split('=');
  const wanted = names.split(/[,\s]+/).filter((name) => name !== '');
  if (wanted.length === 0) throw invalid('ps: -o names no column');
  return wanted.map((name, index) => column(name, title.length > 0 && index === wanted.length - 1 ? title.join('=') : undefined));
}

type Format = keyof typeof formats;

/** What a letter of an option chooses; undefined: it is not known. Those that select processes, or widths, choose nothing. */
function formatOf(isDashed: boolean, letter: string, before: Format): Format | undefined {
  if (isDashed && letter === 'f') return 'full';
  if (!isDashed && letter === 'u') return 'bsdUser';
  if (!isDashed && 'ax'.includes(letter) && before !== 'bsdUser') return 'bsd';
  return (isDashed ? 'eAadxw' : 'axw').includes(letter) ? before : undefined;
}

/** One word of the arguments: its letters, and the columns after an `o`, which may be the next word. */
function parseWord(word: string, next: string, before: Format): { format: Format; columns: Wanted[]; usesNext: boolean } {
  const isDashed = word.startsWith('-');
  const [, letters = '', hasColumns, list = ''] = /^-?([^oO]*)([oO])?(.*)$/.exec(word) ?? [];
  let format = before;
  for (const letter of letters) {
    const chosen = formatOf(isDashed, letter, format);
    if (chosen === undefined) throw invalid(`ps: option ${JSON.stringify(word.slice(0, 100))} is not known here`);
    format = chosen;
  }
  if (hasColumns === undefined) return { format, columns: [], usesNext: false };
  return { format, columns: parseColumns(list === '' ? next : list), usesNext: list === '' };
}

/**
 * The columns that ps(1) would show for these arguments. Which processes is not for them to say, it is always the container's: selections (`-e`, `-A`, `a`,
 * `x`) are accepted and choose nothing. Anything else is refused by name.
 */
export function parsePsArguments(text: string): Wanted[] {
  const words = text.trim().split(/\s+/);
  let format: Format = 'plain';
  const chosen: Wanted[] = [];
  for (let index = 0; index < words.length; index++) {
    const parsed = parseWord(words[index] ?? '', words[index + 1] ?? '', format);
    format = parsed.format;
    chosen.push(...parsed.columns);
    if (parsed.usesNext) index++;
  }
  const wanted = chosen.length > 0 ? chosen : formats[format];
  if (!wanted.some(({ title }) => title === 'PID')) throw invalid("couldn't find PID field in ps output");
  return [...wanted];
}

export function toProcessList(wanted: readonly Wanted[], processes: readonly ProcessFacts[], host: HostFacts): { titles: string[]; processes: string[][] } {
  return {
    titles: wanted.map(({ title }) => title),
    processes: processes.map((facts) => toProcess(facts, host)).map((process) => wanted.map(({ value }) => String(value(process)))),
  };
}
