/** The assumptions of a simulation, in words for the reader of its figures. */
import type { Alteration } from './alteration.ts';

const ALWAYS = [
  'the same requests arrive at the same times: clients that wait longer or are refused less often send neither more nor fewer',
  'a request that goes to the same backend takes as long, and ends, as recorded, whatever the load there: backends do not slow down under load',
  'a request that goes to another backend takes its recorded time, multiplied by how much slower that backend was then (if more than twice), and fails if the request next to it failed',
];
const ON_QUEUES = [
  'a client that left the queue leaves after the same time; all others wait as long as the pool allows',
];
const ON_RETRIES = [
  'a request that fails at another backend, or under other retry settings, is retried by the pool’s settings as if it were idempotent; leases do not record statuses, so `retries.statuses` is taken to list those that failed',
];
const ON_HEALTH = [
  'quarantines and health checks are as recorded: backends were up and down at the same times; connects assumed to fail quarantine a backend by the pool’s settings',
];
const ON_ADDED = ['an added backend is as fast as the one that the request went to'];
const ON_LATENCY = [
  'if the recorded policy did not measure latency, the time a backend was held is used instead',
];

export function assumptionsOf({ policy, backends, with: set }: Alteration): readonly string[] {
  return [
    ...ALWAYS,
    ...ON_QUEUES,
    ...ON_RETRIES,
    ...ON_HEALTH,
    ...(backends !== undefined && backends > 0 ? ON_ADDED : []),
    ...(policy === 'peak-ewma' || set !== undefined ? ON_LATENCY : []),
  ];
}
