export { ApiVersion, negotiateVersion, newestApiVersion, oldestApiVersion } from './api-version.ts';
export { toBoolean } from './boolean.ts';
export { describeDuration, parseGoDuration } from './duration.ts';
export { badRequest, EngineError, toEngineError } from './engine-error.ts';
export { Filters, hasLabel, matchesName, parseFilters } from './filters.ts';
export { describeSize } from './size.ts';
export { formatTimestamp, parseTimestamp, zeroTime } from './timestamp.ts';
