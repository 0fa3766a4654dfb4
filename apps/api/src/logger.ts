import { type Logger, pino } from 'pino';

export type { Logger };

/** Injection token of the process's Logger: JSON lines on stdout. */
export const LOGGER = Symbol('logger');

export function createLogger(level: string): Logger {
  return pino({ level, base: { name: 'api' }, redact: ['req.headers.authorization', 'req.headers.cookie'] });
}
