/** How soon a router that has them is ready, in how much memory, and how soon it ends. */
import type { RouterProcess } from '../../test/support/router-process.ts';
import { median } from '../statistics.ts';
import { hostOf } from './lines.ts';
import type { Row } from './report.ts';
import { requests } from './requests.ts';
import { residentMb } from './resident.ts';
import type { Stage } from './stage.ts';

const STARTS = 3;

export async function starting(stage: Stage): Promise<readonly Row[]> {
  const readyMs: number[] = [];
  const readyMb: number[] = [];
  const stopMs: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    await using router: RouterProcess = await stage.full('many');
    readyMs.push(router.startedInMs);
    readyMb.push(residentMb(router.pid));
    if ((await requests(router.port, [hostOf(stage.domains - 1 - start)], 1)) > 0)
      throw new Error('expected the last domains to be routed');
    const began = performance.now();
    await router.stop();
    stopMs.push(performance.now() - began);
  }
  return [
    {
      what: `ready after start, median of ${STARTS}`,
      found: median(readyMs),
      unit: 'ms',
      bar: { atMost: 3000 },
    },
    { what: 'resident memory when ready, median', found: median(readyMb), unit: 'MB', bar: { atMost: 250 } },
    { what: 'ended after SIGTERM, median', found: median(stopMs), unit: 'ms' },
  ];
}
