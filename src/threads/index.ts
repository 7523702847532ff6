/** Threads beside the routing ones, and time-outs for what comes from other threads, processes and hosts. */
export { newThread } from './new-thread.ts';
export { afterTurning } from './patience.ts';
export { takePrecedence } from './precedence.ts';
export { programBeside } from './program-beside.ts';
export { systemLimit } from './system-limit.ts';
export { ThreadOnDemand } from './thread-on-demand.ts';
