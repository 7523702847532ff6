/** How those who answer questions about the past leave the processor to those who serve requests. */
import { getPriority, setPriority } from 'node:os';

// sched(7): the nicest there is.
const MOST = 19;

/**
 * The caller becomes nicer than it was, whatever that is: to become less nice takes a privilege. On Linux the caller is the
 * thread (setpriority(2), "C library/kernel differences"), elsewhere the whole process.
 */
export function giveWay(niceness: number): void {
  setPriority(Math.min(MOST, getPriority() + niceness));
}
