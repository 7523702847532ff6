/** Whether the system's limits for this process suffice for a router. */

const GIB = 1024 ** 3;
// Measured: 4.1 GiB for the main thread and what all threads share, and 0.8 GiB per thread. With these bounds a worker
// can be replaced, and one thread at a time can run for history, imports or large applies; further threads are not
// started (`newThread`).
const LEAST_GIB = 8;
const LEAST_GIB_OF_A_WORKER = 1;

export class LimitTooLow extends Error {
  override readonly name = 'LimitTooLow';
}

/** For a message: the number of workers. */
export function withWorkers(workers: number): string {
  return workers === 0 ? '' : ` with ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
}

/** Throws `LimitTooLow` if the address space is too small for its threads. */
export function requireAddressSpace(bytes: number, workers: number): void {
  const least = LEAST_GIB + LEAST_GIB_OF_A_WORKER * workers;
  if (bytes >= least * GIB) return;
  const found = (Math.floor((10 * bytes) / GIB) / 10).toFixed(1);
  throw new LimitTooLow(
    `expected an address space of at least ${least} GiB${withWorkers(workers)} (ulimit -v), found ${found}`,
  );
}
