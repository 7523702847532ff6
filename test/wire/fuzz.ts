/** The fuzzer's loop, for the script and for the tests: what we accept, llhttp must read alike, whole or in pieces. */
import { type Comparison, compareRequest, compareResponse } from './compare-readings.ts';
import { cutsMatter, emissionMisleads, relayMisleads, responseEmissionMisleads } from './laws.ts';
import { mutated, REQUESTS, RESPONSES, seededRandom } from './mutate.ts';

export type Find = {
  readonly kind: 'request' | 'response';
  /** Of the request a response answers. */
  readonly method: string;
  readonly message: string;
  readonly difference: string;
};

export type Report = {
  tried: number;
  accepted: number;
  incomplete: number;
  readonly finds: Find[];
};

const MOST_FINDS = 20;

export function fuzz(count: number, seed: number, isOver: () => boolean = () => false): Report {
  const random = seededRandom(seed);
  const report: Report = { tried: 0, accepted: 0, incomplete: 0, finds: [] };
  while (report.tried < count && report.finds.length < MOST_FINDS) {
    if (report.tried % 1000 === 0 && isOver()) break;
    report.tried++;
    if (random() < 0.7) tryOne('request', '', mutated(REQUESTS, random), report, random);
    else tryOne('response', random() < 0.1 ? 'HEAD' : 'GET', mutated(RESPONSES, random), report, random);
  }
  return report;
}

function tryOne(
  kind: Find['kind'],
  method: string,
  message: Buffer,
  report: Report,
  random: () => number,
): void {
  const found = compare(kind, message, method);
  if (found.ours === 'accepted') report.accepted++;
  if (found.ours === 'incomplete') report.incomplete++;
  let difference = found.difference;
  // The laws cost several readings more, so only some of the messages are held to them.
  if (difference === '' && random() < 0.1) difference = brokenLaw(kind, message, random);
  if (difference !== '') report.finds.push({ kind, method, message: message.toString('latin1'), difference });
}

export function brokenLaw(kind: Find['kind'], message: Buffer, random: () => number): string {
  const cuts = [random(), random(), random()]
    .map((part) => Math.floor(part * message.length))
    .sort((a, b) => a - b);
  const cut = cutsMatter(kind, message, cuts);
  if (cut !== '') return cut;
  const relay = relayMisleads(kind, message, cuts);
  if (relay !== '') return relay;
  return kind === 'request' ? emissionMisleads(message) : responseEmissionMisleads(message);
}

export function compare(kind: Find['kind'], message: Buffer, method: string): Comparison {
  return kind === 'request' ? compareRequest(message) : compareResponse(message, method);
}
