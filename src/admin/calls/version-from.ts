/** The version of a stream at a global position. */
import { EventUnreadable, type StreamName } from '../../../eventlog/index.ts';
import type { History } from '../ports.ts';

/** The first version of the stream at or after this position; one past its end if there is none. */
export async function versionFrom(log: History, stream: StreamName, position: number): Promise<number> {
  let low = 1;
  let high = (await log.version(stream)) + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await positionOf(log, stream, middle)) < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function positionOf(log: History, stream: StreamName, version: number): Promise<number> {
  try {
    const [event] = await log.readStream(stream, { from: version, limit: 1 });
    return event?.position ?? Number.POSITIVE_INFINITY;
  } catch (error) {
    // A damaged event still has its position.
    if (error instanceof EventUnreadable) return error.position;
    throw error;
  }
}
