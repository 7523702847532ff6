/** The main thread before the routing ones, so that commands, probes and restarts do not wait for a busy core. */
import { getPriority, setPriority } from 'node:os';

// Three times the weight of a thread at 0 (sched(7)): it is woken at once, and it seldom has much to do.
const STEPS = 5;

let ordinary: number | undefined;

/**
 * The calling thread, the main one, becomes less nice than it was by five steps, if the system lets this process
 * (setrlimit(2), RLIMIT_NICE; capabilities(7), CAP_SYS_NICE). Elsewhere than on Linux threads have no priority of their own.
 */
export function takePrecedence(): void {
  if (process.platform !== 'linux' || ordinary !== undefined) return;
  const nice = getPriority();
  if (isSet(nice - STEPS)) ordinary = nice;
}

/** A thread inherits the priority of the one that starts it: one started by `start` has the ordinary one. */
export function withoutPrecedence<Started>(start: () => Started): Started {
  if (ordinary === undefined) return start();
  isSet(ordinary);
  try {
    return start();
  } finally {
    isSet(ordinary - STEPS);
  }
}

function isSet(nice: number): boolean {
  try {
    setPriority(nice);
    return true;
  } catch {
    return false;
  }
}
