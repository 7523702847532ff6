/** The door of health: probes of backends, asked by the main thread. */
export { nextProbeInMs, ProbeCourse, type ProbeRules } from './course.ts';
export { Prober, type ProberOptions } from './prober.ts';
