/** What a request costs beside a million domains, and beside ten. */
import type { RouterProcess } from '../../test/support/router-process.ts';
import { cpuBetween, cpuTimeOf } from '../accounting.ts';
import { median } from '../statistics.ts';
import { hostOf } from './lines.ts';
import type { Row } from './report.ts';
import { requests } from './requests.ts';
import { FEW, type Stage } from './stage.ts';

const ROUNDS = 5;
const REQUESTS = 4000;

export async function costing(stage: Stage, many: RouterProcess): Promise<readonly Row[]> {
  await using few = await stage.full('few');
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++)
    ratios.push((await cpuPerRequest(many)) / (await cpuPerRequest(few)));
  const what = `CPU of a request, beside ${FEW} domains`;
  return [{ what, found: median(ratios), unit: '×', bar: { atMost: 1.05 } }];
}

async function cpuPerRequest({ pid, port }: RouterProcess): Promise<number> {
  const hosts = Array.from({ length: FEW }, (_, index) => hostOf(index));
  await requests(port, hosts, REQUESTS / 8);
  const before = cpuTimeOf(pid);
  const failed = await requests(port, hosts, REQUESTS);
  if (failed > 0) throw new Error(`expected requests that succeed, found ${failed} that did not`);
  return cpuBetween(before, cpuTimeOf(pid)).ns / REQUESTS;
}
