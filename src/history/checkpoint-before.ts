/** The last checkpoint of a pool's ledger before a moment. */
import type { JournalledCheckpoint, JournalReader } from '../../eventlog/index.ts';

// A checkpoint is taken within a second of every operation and written in the turn after; an idle pool has only an
// older one.
const WINDOWS_MS = [2500, 60_000, 3_600_000, Number.MAX_SAFE_INTEGER];
const WRITTEN_MS = 300;

/** `isBefore` decides what counts as before; checkpoints from around `nearMs` are searched first. */
export function checkpointBefore(
  journal: JournalReader,
  poolKey: number,
  nearMs: number,
  isBefore: (checkpoint: JournalledCheckpoint) => boolean,
): JournalledCheckpoint | undefined {
  for (const windowMs of WINDOWS_MS) {
    const range = { fromMs: nearMs - windowMs, toMs: nearMs + WRITTEN_MS };
    let last: JournalledCheckpoint | undefined;
    for (const checkpoint of journal.checkpoints(poolKey, range)) if (isBefore(checkpoint)) last = checkpoint;
    if (last !== undefined) return last;
  }
  return undefined;
}
