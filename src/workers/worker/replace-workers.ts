/** Replaces the workers by new threads, one after the other, for an operator, and reports the result. */
import { setTimeout as later } from 'node:timers/promises';
import type { ProcessLog } from '../../telemetry/process-log.ts';
import { NotReplaced, type Replaced, type Retired } from './worker-seat.ts';
import type { Replacement } from './workers.ts';

export type ReplaceAnswer = {
  /** With `cut` where the former is gone, and that was waited for. */
  readonly replaced: readonly (Replaced | Retired)[];
  /** Why not all that were asked for. */
  readonly problem?: { readonly type: NotReplaced['type']; readonly detail: string };
};

/** `waitMs`: for the former ones to be gone, each of which takes as long as what it serves. */
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
    log.warn({ err: error }, error.message);
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
