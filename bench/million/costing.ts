/** What a request costs beside a million domains, and beside ten. */
import type { RouterProcess } from '../../test/support/router-process.ts';
import { cpuBetween, cpuTimeOf } from '../accounting.ts';
import { median } from '../statistics.ts';
import { hostOf } from './lines.ts';
import type { Row } from './report.ts';
import { requests } from './requests.ts';
import { FEW, type Stage } from './stage.ts';

// Two processes of the same program cost as much as 7 % more or less than one another for as long as they run.
const PAIRS = 7;
const REQUESTS = 8000;

/** Of routers that were started for it, each time anew. */
export async function costing(stage: Stage): Promise<readonly Row[]> {
  const ratios: number[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    await using many = await stage.full('many');
    await using few = await stage.full('few');
    ratios.push((await cpuPerRequest(many)) / (await cpuPerRequest(few)));
    await Promise.all([many.stop(), few.stop()]);
  }
  const what = `CPU of a request, beside ${FEW} domains, of ${PAIRS} pairs of routers`;
  return [{ what, found: median(ratios), unit: '×', bar: { atMost: 1.05 } }];
}

async function cpuPerRequest({ pid, port }: RouterProcess): Promise<number> {
  const hosts = Array.from({ length: FEW }, (_, index) => hostOf(index));
  await requests(port, hosts, REQUESTS / 2);
  const before = cpuTimeOf(pid);
  const failed = await requests(port, hosts, REQUESTS);
  if (failed > 0) throw new Error(`expected requests that succeed, found ${failed} that did not`);
  return cpuBetween(before, cpuTimeOf(pid)).ns / REQUESTS;
}
