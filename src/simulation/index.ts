/** The door of simulation: what the router's own ledger, queue and policies need to run under virtual time. */
export { Agenda } from './agenda.ts';
export { Samples, type Summary } from './samples.ts';
export { VirtualQueue, type Waits } from './virtual-queue.ts';
export { VirtualTime } from './virtual-time.ts';
