/** Memory after requests to many of the domains: each of them wakes, and its pool, and goes to sleep again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RouterProcess } from '../../test/support/router-process.ts';
import { spreadHosts } from './lines.ts';
import type { Row } from './report.ts';
import { requests } from './requests.ts';
import { residentMb } from './resident.ts';
import type { Stage } from './stage.ts';

const USED = 20_000;
// What was used goes to sleep after a minute, and garbage is collected some time after that.
const REST_MS = 120_000;

export async function used(stage: Stage, router: RouterProcess): Promise<readonly Row[]> {
  const count = Math.min(USED, stage.domains);
  const failed = await requests(router.port, spreadHosts(count, stage.domains), count);
  if (failed > 0) throw new Error(`expected requests that succeed, found ${failed} that did not`);
  const at = residentMb(router.pid);
  await sleep(REST_MS);
  const later = residentMb(router.pid);
  return [
    { what: `resident memory after requests to ${count} domains`, found: at, unit: 'MB' },
    { what: `… and ${REST_MS / 1000} s later`, found: later, unit: 'MB', bar: { atMost: 250 } },
  ];
}
