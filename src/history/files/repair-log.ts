/**
 * Repairs a damaged log at rest: caches are rebuilt; a log that is itself damaged is cut after its last good event,
 * by writing the good part into a new file and keeping the old one unchanged.
 */
import { join } from 'node:path';
import {
  type Copying,
  copying,
  type LocalLog,
  LogUnavailable,
  lastSound,
  openSqliteLog,
  removeCopy,
  replaceLog,
  type Verified,
  verifying,
} from '../../../eventlog/index.ts';
import { projectionOf } from '../../projection.ts';
import { Unanswerable } from '../unanswerable.ts';

export type Repaired =
  | { readonly type: 'nothing' }
  /** Current rows and snapshots were wrong; they contain nothing that the events do not. */
  | { readonly type: 'rebuilt'; readonly streams: number }
  | {
      readonly type: 'cut';
      /** The last good position. */
      readonly after: number;
      /**
       * The last position there was; equal to `after` if the log was only rewritten. Undefined if it cannot be read.
       */
      readonly last: number | undefined;
      /** The damage for which it was cut. */
      readonly because: string;
      /** The file with the log as it was. */
      readonly kept: string;
    };

const breathe = async () => {};
const CACHES = ['current_wrong', 'snapshot_wrong'];

/** The progress: what is checked, the rows that are rebuilt, or what is written into a new file. */
export type Repairing =
  | Verified
  | { readonly writing: 'rows'; readonly done: number; readonly of: number }
  | Copying;

/** Throws `DataUnusable` if a router holds the directory, or the file cannot be opened at all. */
export async function* repairing(directory: string, now: () => number): AsyncGenerator<Repairing, Repaired> {
  const log = openSqliteLog({ directory, now, isDamaged: true });
  try {
    return yield* mending(log, directory, now());
  } finally {
    await log.close();
  }
}

async function* mending(
  log: LocalLog,
  directory: string,
  nowMs: number,
): AsyncGenerator<Repairing, Repaired> {
  const { ok, streams, findings } = yield* verifying(log.reader, projectionOf);
  if (ok) return { type: 'nothing' };
  const damage = findings.filter(({ type }) => !CACHES.includes(type));
  if (damage.length === 0) return yield* makingRows(log, streams);
  const lost = damage.find(({ type }) => type === 'base_wrong');
  if (lost !== undefined)
    throw new Unanswerable(
      'invalid_query',
      `the base is damaged, which only the archive can mend: ${lost.found}`,
    );
  // Not the first finding's position: that of a damaged row may be any.
  const after = await lastSound(log.reader, breathe);
  const last = lastOf(log);
  const kept = join(directory, `events-damaged-after-${after}-${nowMs.toString(36)}.db`);
  const fresh = join(directory, 'repairing.db');
  removeCopy(fresh);
  yield* copied(log, fresh, after);
  replaceLog(log, directory, fresh, kept);
  const { type, position, expected, found } = damage[0]!;
  return {
    type: 'cut',
    after,
    last,
    because: `${type} at position ${position}: expected ${expected}, found ${found}`,
    kept,
  };
}

async function* makingRows(log: LocalLog, known: number): AsyncGenerator<Repairing, Repaired> {
  const steps = log.rebuildingCurrents(projectionOf);
  for (;;) {
    const step = await steps.next();
    if (step.done === true) return { type: 'rebuilt', streams: step.value.streams };
    yield { writing: 'rows', done: step.value, of: Math.max(known, step.value) };
  }
}

function lastOf({ reader }: LocalLog): number | undefined {
  try {
    return reader.position();
  } catch (error) {
    if (!(error instanceof LogUnavailable)) throw error;
    return undefined;
  }
}

/** If the answers to commands are damaged, that is no reason to lose events. */
async function* copied(log: LocalLog, path: string, to: number): AsyncGenerator<Repairing, void> {
  const source = log.reader;
  const part = { source, path, from: (source.base()?.position ?? 0) + 1, to, projectionOf, breathe };
  try {
    yield* copying({ ...part, commands: 'all' });
  } catch (error) {
    if (!(error instanceof LogUnavailable)) throw error;
    yield* copying({ ...part, commands: 'none' });
  }
}
