/** What the system lets this process have (getrlimit(2)), and whether a router can live with it. */
import { readFileSync } from 'node:fs';

const GIB = 1024 ** 3;
// Measured: 4.1 GiB of the main thread and what all threads share, and 0.8 of a thread. Of those there are two a worker while one takes the
// place of another, and four for history, imports and large applies; where one finds no addresses, the runtime ends the process.
const LEAST_GIB = 8;
const LEAST_GIB_OF_A_WORKER = 2;

export class LimitTooLow extends Error {
  override readonly name = 'LimitTooLow';
}

/** Undefined: there is none, or this system does not say. */
export function systemLimit(name: 'Max open files' | 'Max address space'): number | undefined {
  try {
    const line = new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/limits', 'latin1'));
    return line?.[1] === undefined ? undefined : Number(line[1]);
  } catch {
    return undefined;
  }
}

/** For a message: of how many workers. */
export function withWorkers(workers: number): string {
  return workers === 0 ? '' : ` with ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
}

/** Throws `LimitTooLow` where so many bytes would end the router one day, if it started at all. */
export function requireAddressSpace(bytes: number, workers: number): void {
  const least = LEAST_GIB + LEAST_GIB_OF_A_WORKER * workers;
  if (bytes >= least * GIB) return;
  const found = (Math.floor((10 * bytes) / GIB) / 10).toFixed(1);
  throw new LimitTooLow(
    `expected an address space of at least ${least} GiB${withWorkers(workers)} (ulimit -v), found ${found}`,
  );
}
