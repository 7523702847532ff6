/**
 * One change among many domains while the router does half of what it can: the load and the backend are processes of their
 * own, wrk and nginx, and nothing but the changes is in this one.
 */
import type { RouterProcess } from '../../test/support/router-process.ts';
import { get128 } from '../cases.ts';
import { halfLoadDelay } from '../half-load.ts';
import { type Load, load, prepareLoad } from '../load.ts';
import { Changes } from './changes.ts';
import { Floors } from './floors.ts';
import { spreadHosts } from './lines.ts';
import { latency, type Row } from './report.ts';
import type { Stage } from './stage.ts';

// 10 ms: back to back they take two thirds of a core by themselves, and half a load is one no more.
export const SINGLE = { warmUp: 500, changes: 1500, restMs: 10, hosts: 200 };

const TURNS = 15;
const FOUND_IN = { warmUpSeconds: 1, seconds: 3 };
// The changes end it; if they never do, this.
const MOST_SECONDS = 600;

export async function loaded(stage: Stage, router: RouterProcess): Promise<readonly Row[]> {
  const hosts = spreadHosts(SINGLE.hosts, stage.domains);
  const drive = async (delayMs: number) => {
    const script = await prepareLoad(stage.directory, get128, `million-${delayMs > 0}`, hosts, delayMs);
    return (seconds: number, enough?: AbortSignal): Promise<Load> =>
      load(script, get128, router.port, seconds, undefined, enough);
  };
  const delayMs = await halfLoadDelay(get128, [await drive(0)], FOUND_IN);
  const fullPerSecond = (2 * get128.connections * 1000) / delayMs;
  const half = await drive(delayMs);
  await using changes = await Changes.of(router);
  const enough = new AbortController();
  const driven = half(MOST_SECONDS, enough.signal);
  const warmed = await changes.take(SINGLE.warmUp);
  await using floors = await Floors.of(stage.directory, router, hosts[0] ?? '');
  const ms: number[] = [];
  let failed = 0;
  // By turns, since a machine that others use as well is another one after a minute.
  for (let turn = 0; turn < TURNS; turn++) {
    const taken = await changes.take(SINGLE.changes / TURNS, SINGLE.restMs);
    ms.push(...taken.ms);
    failed += taken.failed;
    await floors.take(SINGLE.changes / TURNS / 2, SINGLE.restMs);
  }
  enough.abort();
  const found = await driven;
  return [
    ...latency('one change at half load', ms, 5),
    ...latency('… a write of seven pages and its fsync alone', floors.commitMs),
    ...latency('… a call of the admin API that reads, alone', floors.callMs),
    ...latency('… a request alone', floors.requestMs),
    ...latency('… the three added up', floors.allMs),
    {
      what: 'failed requests meanwhile',
      found: found.errors + warmed.failed + failed,
      unit: '',
      bar: { atMost: 0 },
    },
    { what: '… requests of the load', found: found.perSecond, unit: '/s' },
    { what: '… of as many at full load', found: fullPerSecond, unit: '/s' },
    { what: '… p99 of the load', found: found.p99Us / 1000, unit: 'ms' },
  ];
}
