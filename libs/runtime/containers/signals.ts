import { constants } from 'node:os';
import { invalid } from '@gantry/platform/errors';

const realTimeMin = 34;
const realTimeMax = 64;

/** `SIGTERM`, `term`, `15`, `RTMIN+3`; '' is SIGKILL. */
export function parseSignal(text: string): number {
  if (text === '') return constants.signals.SIGKILL;
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number < 1 || number > realTimeMax) throw invalid(`invalid signal: ${text}`);
    return number;
  }
  const name = text.toUpperCase().replace(/^SIG/, '');
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime !== null) {
    const offset = Number(realTime[3] ?? 0) * (realTime[2] === '-' ? -1 : 1);
    const number = (realTime[1] === 'MIN' ? realTimeMin : realTimeMax) + offset;
    if (number >= realTimeMin && number <= realTimeMax) return number;
    throw invalid(`invalid signal: ${text}`);
  }
  const number = new Map<string, number>(Object.entries(constants.signals)).get(`SIG${name}`);
  if (number === undefined) throw invalid(`invalid signal: ${text}`);
  return number;
}
