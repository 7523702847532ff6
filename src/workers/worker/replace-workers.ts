/** Replaces the workers by new threads, one after the other, for an operator, and reports the result. */
import { setTimeout as later } from 'node:timers/promises';
import type { ProcessLog } from '../../telemetry/process-log.ts';
import { NotReplaced, type Replaced, type Retired } from './worker-seat.ts';
import type { Replacement } from './workers.ts';

export type ReplaceAnswer = {
  /** With `cut` if the end of the former thread was waited for and has come. */
  readonly replaced: readonly (Replaced | Retired)[];
  /** Why not all of them were replaced. */
  readonly problem?: { readonly type: NotReplaced['type']; readonly detail: string };
};

/** `waitMs`: how long to wait for the end of the former threads, which finish their connections first. */
export async function replaceWorkers(
  replacements: AsyncIterable<Replacement>,
  waitMs: number,
  log: ProcessLog,
): Promise<ReplaceAnswer> {
  const done: Replacement[] = [];
  try {
    for await (const replacement of replacements) {
      done.push(replacement);
      log.info({ ...replacement.replaced }, `worker ${replacement.replaced.worker} replaced`);
    }
  } catch (error) {
    if (!(error instanceof NotReplaced)) throw error;
    // Only what kept a thread from starting has a stack worth reading.
    log.warn(error.cause === undefined ? {} : { err: error.cause }, error.message);
    return { replaced: await endsOf(done, waitMs), problem: { type: error.type, detail: error.message } };
  }
  return { replaced: await endsOf(done, waitMs) };
}

function endsOf(done: readonly Replacement[], waitMs: number): Promise<(Replaced | Retired)[]> {
  const late = later(waitMs, undefined, { ref: false });
  return Promise.all(
    done.map(({ replaced, retired }) =>
      waitMs === 0 ? replaced : Promise.race([retired, late.then(() => replaced)]),
    ),
  );
}
