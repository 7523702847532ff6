/**
 * How far the heap may grow before it is looked through. The command starts with a tight limit, for what it holds at rest;
 * a bulk of changes makes garbage all the time, and would spend a third of its time on looking. So the limit is wide as long as one
 * is under way, and tight again after. In a process that was started without it, nothing is touched: there it is another's.
 */
import { setFlagsFromString } from 'node:v8';

const FLAG = '--heap-growing-percent';
// It may double: some 25 MB more.
const WIDE = 100;

const tight = process.execArgv.find((argument) => argument.startsWith(`${FLAG}=`));
let users = 0;

/** To be given back when it is over. */
export function roomyHeap(): Disposable {
  if (tight === undefined) return { [Symbol.dispose]() {} };
  users += 1;
  if (users === 1) setFlagsFromString(`${FLAG}=${WIDE}`);
  return {
    [Symbol.dispose]() {
      users -= 1;
      if (users === 0) setFlagsFromString(tight);
    },
  };
}
