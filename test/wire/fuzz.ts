/** The fuzzer's loop, for the script and for the tests: what we accept, llhttp must read alike, whole or in pieces. */
import { type Comparison, compareRequest, compareResponse } from './compare-readings.ts';
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
    if (random() < 0.7) tryOne('request', '', mutated(REQUESTS, random), report);
    else tryOne('response', random() < 0.1 ? 'HEAD' : 'GET', mutated(RESPONSES, random), report);
  }
  return report;
}

function tryOne(kind: Find['kind'], method: string, message: Buffer, report: Report): void {
  const found = compare(kind, message, method);
  if (found.ours === 'accepted') report.accepted++;
  if (found.ours === 'incomplete') report.incomplete++;
  if (found.difference === '') return;
  report.finds.push({ kind, method, message: message.toString('latin1'), difference: found.difference });
}

export function compare(kind: Find['kind'], message: Buffer, method: string): Comparison {
  return kind === 'request' ? compareRequest(message) : compareResponse(message, method);
}
