/**
 * What keeps a log in SQLite small and quick to open, added to every file that lacks it: the number of current rows,
 * so that a missing one is noticed without reading a million of them; and permission to delete old answers.
 */
import type Database from 'better-sqlite3';

// An answer is kept for a day or for the million events after it, whichever ends first: commands are repeated within
// minutes, and a table of all answers would outgrow the log.
const KEPT_EVENTS = 1_000_000;
const KEPT_MS = 86_400_000;
const PRUNED_AT_ONCE = 500;

// An answer was given before the event after its position; the event at its position may be older, if the command wrote
// none. An archived event is at least as old as the last archived one.
const IS_OLD = (position: string) => `(${position} < (SELECT max(position) FROM events) - ${KEPT_EVENTS}
  OR coalesce((SELECT e.recorded_at_ms FROM events e WHERE e.position = ${position} + 1),
              (SELECT b.recorded_at_ms FROM base b WHERE b.position > ${position}))
    < (SELECT recorded_at_ms FROM events ORDER BY position DESC LIMIT 1) - ${KEPT_MS})`;

// Exactly as SQLite stores the text.
const KEEPS = `CREATE TRIGGER commands_are_kept BEFORE DELETE ON commands
WHEN NOT coalesce(${IS_OLD('OLD.position')}, FALSE)
BEGIN SELECT RAISE(ABORT, 'commands are append-only'); END`;

/** The tables, index and trigger that it adds. */
export const UPKEEP = `
CREATE TABLE IF NOT EXISTS tallies (
  kind TEXT PRIMARY KEY,
  rows INTEGER
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO tallies VALUES ('currents', (SELECT CASE WHEN EXISTS (SELECT 1 FROM events) THEN NULL ELSE 0 END));
CREATE INDEX IF NOT EXISTS commands_by_position ON commands (position);
DROP TRIGGER IF EXISTS commands_are_never_deleted;
DROP TRIGGER IF EXISTS commands_are_kept;
${KEEPS};
`;

export function prepareUpkeep(db: Database.Database): void {
  const kept = db
    .prepare<[], string>("SELECT sql FROM sqlite_schema WHERE name = 'commands_are_kept'")
    .pluck();
  if (kept.get() === KEEPS) return;
  db.transaction(() => db.exec(UPKEEP)).immediate();
}

/** @internal */
export type UpkeepStatements = ReturnType<typeof upkeepStatements>;

/** @internal What it returns cannot be named in a declaration. */
export function upkeepStatements(db: Database.Database) {
  return {
    tally: db.prepare<[], number | null>("SELECT rows FROM tallies WHERE kind = 'currents'").pluck(),
    addToTally: db.prepare<[number]>("UPDATE tallies SET rows = rows + ? WHERE kind = 'currents'"),
    setTally: db.prepare<[number]>("UPDATE tallies SET rows = ? WHERE kind = 'currents'"),
    // Counts domains by their index, which is a third of the table.
    countCurrents: db
      .prepare<[], number>(
        `SELECT (SELECT count(*) FROM currents INDEXED BY domains_of_pool WHERE pool IS NOT NULL)
          + (SELECT count(*) FROM currents WHERE stream > 'pool-' AND stream < 'pool.')`,
      )
      .pluck(),
    // Looks only at the first few: a look at all, to find the few that are old, would take seconds.
    prune: db.prepare<[]>(
      `DELETE FROM commands WHERE command_id IN (
         SELECT command_id FROM (SELECT command_id, position AS at FROM commands ORDER BY position LIMIT ${PRUNED_AT_ONCE})
         WHERE ${IS_OLD('at')})`,
    ),
    oldest: db
      .prepare<[], number | null>(
        `SELECT ${IS_OLD('c.position')} FROM commands c ORDER BY c.position LIMIT 1`,
      )
      .pluck(),
  };
}
