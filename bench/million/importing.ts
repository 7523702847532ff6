/** An import of everything into an empty router: once with single changes meanwhile, some thirty a second, and once alone. */
import { AdminClient } from '../../test/support/admin-client.ts';
import { cpuBetween, cpuTimeOf } from '../accounting.ts';
import { Changes } from './changes.ts';
import { latency, type Row } from './report.ts';
import { residentMb } from './resident.ts';
import type { Stage } from './stage.ts';

// A router that has just started compiles what it does for the first time.
export const WARM_UP = 1000;
const REST_MS = 20;

type Imported = {
  readonly seconds: number;
  readonly cpuNs: number;
  readonly memoryMb: number;
  /** Of each change meanwhile. */
  readonly ms: readonly number[];
  readonly failed: number;
};

export async function importing(stage: Stage): Promise<readonly Row[]> {
  const beside = await imported(stage, true);
  const alone = await imported(stage, false);
  const lines = stage.domains + stage.pools;
  return [
    { what: 'bulk import', found: lines / alone.seconds, unit: 'lines/s', bar: { atLeast: 50_000 } },
    { what: '… of these, domains', found: stage.domains / alone.seconds, unit: 'domains/s' },
    { what: 'CPU of a line', found: alone.cpuNs / 1000 / lines, unit: 'µs' },
    { what: 'resident memory after the import', found: alone.memoryMb, unit: 'MB' },
    ...latency(`one change during an import, of ${beside.ms.length}`, beside.ms, 20),
    { what: '… lines imported meanwhile', found: lines / beside.seconds, unit: 'lines/s' },
    { what: 'failed requests meanwhile', found: beside.failed, unit: '', bar: { atMost: 0 } },
  ];
}

async function imported(stage: Stage, isBeside: boolean): Promise<Imported> {
  await stage.clear('many');
  await using router = await stage.start('many');
  await using admin = new AdminClient(router.admin);
  await admin.must('PUT', '/v1/pools/pool-0', { backends: { 'b.1': { address: stage.backend } } });
  const changes = await Changes.of(router);
  await changes.take(WARM_UP);
  const before = cpuTimeOf(router.pid);
  const began = performance.now();
  let over = false;
  const done = stage.import(router, 'many').finally(() => {
    over = true;
  });
  const ms: number[] = [];
  let failed = 0;
  while (isBeside && !over) {
    const taken = await changes.take(1, REST_MS);
    ms.push(...taken.ms);
    failed += taken.failed;
  }
  await done;
  const seconds = (performance.now() - began) / 1000;
  const cpuNs = cpuBetween(before, cpuTimeOf(router.pid)).ns;
  const memoryMb = residentMb(router.pid);
  await changes[Symbol.asyncDispose]();
  await router.stop();
  return { seconds, cpuNs, memoryMb, ms, failed };
}
