export { formatNs, nowNs, parseNs } from './clock.ts';
export { type DataDirectory, holdDataDirectory } from './data-directory.ts';
export { syncDirectory, writeFileDurably } from './durable-file.ts';
export { createLogger, type Logger, type LogLevel, silentLogger } from './logger.ts';
export { connectUnix, listenUnix } from './unix-socket.ts';
