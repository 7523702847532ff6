/** Threads beside those that route. */
export { type OnDemandOptions, programBeside, ThreadOnDemand } from './thread-on-demand.ts';
