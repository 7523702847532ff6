/** The door of health: probes of backends, asked by the main thread. */
export { Prober } from './prober.ts';
