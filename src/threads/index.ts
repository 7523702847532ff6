/** Threads beside those that route. */
export { programBeside } from './program-beside.ts';
export { type OnDemandOptions, ThreadOnDemand } from './thread-on-demand.ts';
