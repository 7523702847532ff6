/** Half of what the slowest can answer: there a request waits for nobody, and latency is not that of a queue. */
import type { RequestCase } from './cases.ts';
import type { Drive, Plan } from './measure.ts';

/** How long each connection rests, in milliseconds, so that all together ask half of what the slowest can answer. */
export async function halfLoadDelay(
  { connections }: Pick<RequestCase, 'connections'>,
  full: readonly Drive[],
  { warmUpSeconds, seconds }: Pick<Plan, 'warmUpSeconds' | 'seconds'>,
): Promise<number> {
  let slowest = Number.POSITIVE_INFINITY;
  for (const drive of full) {
    await drive(warmUpSeconds);
    slowest = Math.min(slowest, (await drive(seconds)).perSecond);
  }
  return (connections * 1000) / (slowest / 2);
}
