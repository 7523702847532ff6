/** The door of health: probes of backends, asked by the main thread. */
export { Prober, type ProberOptions } from './prober.ts';
