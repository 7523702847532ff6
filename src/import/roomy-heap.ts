/**
 * How far heaps may grow before garbage collection. The command starts with tight limits, because of what threads
 * hold at rest and because routing makes next to no garbage. A bulk of changes makes garbage all the time, nearly
 * none of which survives, and would spend a third of its time on collection. If the process was started without our
 * limits, nothing is changed: they belong to whoever started it.
 */
import { setFlagsFromString } from 'node:v8';
import type { Worker } from 'node:worker_threads';

const GROWTH = '--heap-growing-percent';
// The heap may double: about 25 MB more.
const WIDE = 100;
const NURSERY = '--max-semi-space-size';
// 16 MiB, V8's own default.
const ROOMY = 16;

const tightGrowth = started(GROWTH);
const tightNursery = started(NURSERY);
let users = 0;

/** For the whole process; disposed of when the bulk is over. */
export function roomyHeap(): Disposable {
  if (tightGrowth === undefined) return { [Symbol.dispose]() {} };
  users += 1;
  if (users === 1) setFlagsFromString(`${GROWTH}=${WIDE}`);
  return {
    [Symbol.dispose]() {
      users -= 1;
      if (users === 0) setFlagsFromString(tightGrowth);
    },
  };
}

/**
 * V8 reads the nursery's limit when a thread creates its heap, which has happened once the thread is online or has
 * ended.
 */
export function withRoomyNursery(make: () => Worker): Worker {
  if (tightNursery === undefined) return make();
  setFlagsFromString(`${NURSERY}=${ROOMY}`);
  const born = () => setFlagsFromString(tightNursery);
  try {
    return make().once('online', born).once('exit', born);
  } catch (error) {
    born();
    throw error;
  }
}

function started(flag: string): string | undefined {
  return process.execArgv.find((argument) => argument.startsWith(`${flag}=`));
}
