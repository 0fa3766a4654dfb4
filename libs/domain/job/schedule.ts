import { CronExpressionParser } from 'cron-parser';

/** A cron expression of five fields, or six with seconds first, read in a time zone of the IANA database. */
export interface Schedule {
  /** The first tick after `at`; null: there is none. Times are milliseconds since 1970. */
  next(at: number): number | null;
  /** The last tick at or before `at`. */
  latest(at: number): number | null;
}

/** The schedule, or what is wrong with it. */
export function parseSchedule(expression: string, timeZone: string): Schedule | string {
  const read = (at: number) => CronExpressionParser.parse(expression, { tz: timeZone, currentDate: new Date(at) });
  try {
    new Intl.DateTimeFormat('en', { timeZone });
  } catch {
    return `"${timeZone}" is no time zone: expected a name such as Europe/Berlin`;
  }
  const fields = expression.trim().split(/\s+/).length;
  if (!expression.startsWith('@') && fields !== 5 && fields !== 6) return `"${expression}" is no schedule: expected five fields, as in "0 3 * * *"`;
  try {
    read(0).next();
  } catch (error) {
    return `"${expression}" is no schedule: ${error instanceof Error ? error.message : String(error)}`;
  }
  const orNull = (find: () => number): number | null => {
    try {
      return find();
    } catch {
      return null;
    }
  };
  return {
    next: (at) => orNull(() => read(at).next().getTime()),
    latest: (at) =>
      orNull(() =>
        read(at + 1)
          .prev()
          .getTime(),
      ),
  };
}
