import type { Exchange } from '@gantry/engine-api/http';
import { badRequest, EngineError } from '@gantry/engine-api/protocol';
import type { RunSettings } from '@gantry/runtime/build';
import { targetReference } from '../images/reference.ts';

function jsonParameter(exchange: Exchange, name: string): unknown {
  const text = exchange.text(name);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badRequest(`error reading ${name}: ${cause instanceof Error ? cause.message : ''}`, { cause });
  }
}

/** A JSON object of strings; null values are kept when they have a meaning. */
export function stringMap(exchange: Exchange, name: string): Record<string, string | null> {
  const value = jsonParameter(exchange, name);
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new EngineError(400, `error reading ${name}: not an object`);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, entry === null ? null : String(entry)]));
}

function count(exchange: Exchange, name: string): number {
  const value = exchange.integer(name) ?? 0;
  return Math.max(0, value);
}

interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

function ulimits(exchange: Exchange): Ulimit[] {
  const value = jsonParameter(exchange, 'ulimits');
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return [];
    const field = (name: string): unknown => Reflect.get(entry, name);
    return [{ name: String(field('Name')), soft: Number(field('Soft')), hard: Number(field('Hard')) }];
  });
}

/** Where and with what limits the RUN steps of a build run. */
export function runSettings(exchange: Exchange): RunSettings {
  const extraHosts = (exchange.text('extrahosts') ?? '').split(',').filter((entry) => entry !== '');
  return {
    networkMode: ['', 'default'].includes(exchange.text('networkmode') ?? '') ? 'bridge' : (exchange.text('networkmode') ?? 'bridge'),
    hostConfig: {
      extraHosts,
      shmSizeBytes: count(exchange, 'shmsize'),
      cgroupParent: exchange.text('cgroupparent') ?? '',
      resources: {
        memory: count(exchange, 'memory'),
        memorySwap: exchange.integer('memswap') ?? 0,
        cpuShares: count(exchange, 'cpushares'),
        cpuPeriod: count(exchange, 'cpuperiod'),
        cpuQuota: exchange.integer('cpuquota') ?? 0,
        cpusetCpus: exchange.text('cpusetcpus') ?? '',
        cpusetMems: exchange.text('cpusetmems') ?? '',
        ulimits: ulimits(exchange),
      },
    },
  };
}

export function buildReferences(exchange: Exchange): string[] {
  return exchange.query.getAll('t').flatMap((text) => (text === '' ? [] : [targetReference(text, null) ?? '']));
}
