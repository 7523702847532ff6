/** Threads beside those that route, and how long one waits for what others say. */
export { afterTurning } from './patience.ts';
export { programBeside } from './program-beside.ts';
export { type OnDemandOptions, ThreadOnDemand } from './thread-on-demand.ts';
