export { type Allotment, allotPorts, firstAllottedPort, lastAllottedPort, type TakenPort } from './allot-ports.ts';
