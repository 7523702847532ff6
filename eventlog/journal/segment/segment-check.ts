/** Checks a segment: its file as a whole, its words, names and gaps, then each of its blocks. */
import type Database from 'better-sqlite3';
import { writeAheadDamage } from '../../sqlite/write-ahead-damage.ts';
import { type KeptBlock, mistakeIn } from './block-check.ts';
import type { SegmentRows } from './segment-rows.ts';
import { strangersInSegment } from './segment-schema.ts';

const KEPT_BLOCK = `SELECT b.block, b.run, b.sealed_at_ms AS sealedAtMs, b.requests AS requestCount, b.operations AS operationCount, b.checkpoints AS checkpointCount,
  b.first_started_at_ms AS firstStartedAtMs, b.last_started_at_ms AS lastStartedAtMs,
  c.requests, c.operations, c.checkpoints, c.requests_sum AS requestsSum, c.operations_sum AS operationsSum,
  c.checkpoints_sum AS checkpointsSum, c.pools, c.filter, c.positions,
  p.filter AS peers, b.sum, c.sum AS indexSum, p.sum AS peersSum
  FROM blocks b LEFT JOIN contents c USING (block) LEFT JOIN peers p USING (block) WHERE block = ?`;

/** In a step for each block; what is not as it was written is reported to `damaged`. */
export function* checkSegment(
  db: Database.Database,
  path: string,
  rows: SegmentRows,
  damaged: (error: unknown) => void,
): IterableIterator<void> {
  const unread = writeAheadDamage(path);
  if (unread !== undefined) damaged(new RangeError(`expected a sound file, found ${unread}`));
  const structure = structureOf(db);
  if (structure !== 'ok') damaged(new RangeError(`expected a sound file, found ${structure}`));
  rows.check();
  const kept = db.prepare<[number], KeptBlock>(KEPT_BLOCK);
  const blocks = db.prepare<[], number>('SELECT block FROM blocks ORDER BY block').pluck().all();
  for (const block of blocks) {
    try {
      const mistake = mistakeIn(kept.get(block)!);
      if (mistake !== undefined) damaged(new RangeError(`block ${block}: ${mistake}`));
    } catch (error) {
      damaged(error);
    }
    yield;
  }
}

/** What SQLite's own check says, which would compute whatever a stranger's table or index asks for. */
function structureOf(db: Database.Database): string {
  const [stranger] = strangersInSegment(db);
  if (stranger !== undefined) return `${stranger}, which no switchyard made`;
  return db.pragma('integrity_check(1)', { simple: true }) as string;
}
