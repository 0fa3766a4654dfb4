export { startDaemon } from './daemon.ts';
