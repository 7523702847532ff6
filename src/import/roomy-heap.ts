/**
 * How far heaps may grow before they are looked through. The command starts with tight limits, for what threads hold at rest and the
 * next to no garbage of those that route; a bulk of changes makes garbage all the time, of which nearly nothing lives, and would spend
 * a third of its time on looking. In a process that was started without them, nothing is touched: there they are another's.
 */
import { setFlagsFromString } from 'node:v8';
import type { Worker } from 'node:worker_threads';

const GROWTH = '--heap-growing-percent';
// It may double: some 25 MB more.
const WIDE = 100;
const NURSERY = '--max-semi-space-size';
// 16 MiB, V8's own default.
const ROOMY = 16;

const tightGrowth = started(GROWTH);
const tightNursery = started(NURSERY);
let users = 0;

/** Of the whole process, to be given back when the bulk is over. */
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

/** The limit of a nursery is read when a thread makes its heap, which is over once it is online, or gone without. */
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
