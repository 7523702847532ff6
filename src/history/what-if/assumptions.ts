/** The assumptions of a simulation, in words for the reader of its figures. */
import type { Alteration } from './alteration.ts';

const ALWAYS = [
  'the same requests arrive at the same moments: clients that wait longer, or are refused less, do not ask more or less',
  'a request that goes where it went takes as long and ends as recorded, whatever the load there: no backend is slower for being busier',
  'a request that goes elsewhere takes as long as it took, times how much slower that backend was at the time (where more than twice), and fails where the request next to it failed',
];
const ON_QUEUES = [
  'a client that left while it waited leaves after as long; all others wait as long as the pool lets them',
];
const ON_RETRIES = [
  'a request that fails where it is not recorded to have been, or where retries are set otherwise, is asked again as the pool’s retries say, as if it may be sent twice; statuses are not journalled with leases, so listed ones are taken to be those that failed',
];
const ON_HEALTH = [
  'quarantines and probes are as recorded: backends were up and down when they were; connects that are assumed to fail quarantine a backend as the pool’s settings have it',
];
const ON_ADDED = ['a backend that is added is as fast as the one each request went to'];
const ON_LATENCY = [
  'where the policy in force did not measure latencies, the time that a backend was held stands for its latency',
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
