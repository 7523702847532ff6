/**
 * Replaces the log's file: the name `events.db` becomes a link to the new one, in one atomic step. Readers of the old
 * file continue and lose nothing; SQLite keeps its side files next to the real file's name, so the two sets never
 * meet.
 */
import { linkSync, lstatSync, readdirSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { EVENTS_FILE } from './events-file.ts';
import { sync, syncFile } from './sync.ts';

/** `keepAs`: the former file stays, under this name; otherwise it is deleted. */
export function swapIn(directory: string, fresh: string, keepAs?: string): void {
  const link = join(directory, EVENTS_FILE);
  const former = realpathSync(link);
  const wasLink = lstatSync(link).isSymbolicLink();
  if (keepAs !== undefined) linkSync(former, keepAs);
  // Before anybody else can open it: closing a file releases the locks of all who have it open in this process.
  syncFile(fresh);
  const name = nameFor(fresh);
  renameSync(fresh, join(directory, name));
  const next = `${link}.next`;
  rmSync(next, { force: true });
  symlinkSync(name, next);
  renameSync(next, link);
  sync(directory);
  if (wasLink) rmSync(former, { force: true });
  for (const beside of ['-wal', '-shm']) {
    if (keepAs !== undefined && beside === '-wal') moveIfThere(former + beside, keepAs + beside);
    else rmSync(former + beside, { force: true });
  }
}

/** What an archive or a repair makes in the directory, and a kill in the middle of one leaves there. */
const MADE =
  /^(?:events\.db|events\.db\.next|events-\d+-[0-9a-z]+\.db|(?:archiving|repairing)\.db(?:\.partial)?)(?:-wal|-shm|-journal)?$/;

/** Files that an interrupted archive or repair left behind: nothing reads them. `directory`: of a log that is open. */
export function leftBehind(directory: string): string[] {
  const inUse = basename(realpathSync(join(directory, EVENTS_FILE)));
  return readdirSync(directory).filter(
    (name) => MADE.test(name) && name !== EVENTS_FILE && name.replace(/-(?:wal|shm|journal)$/, '') !== inUse,
  );
}

/** Copies what was written to the former file after a position. */
export function catchUp(fresh: string, former: string, upTo: number): void {
  const db = new Database(fresh);
  try {
    db.pragma('synchronous = OFF');
    db.prepare('ATTACH ? AS former').run(former);
    db.transaction(() => {
      const since = '(SELECT stream FROM former.events WHERE position > :upTo)';
      const count = (currents: string) => `(SELECT count(*) FROM ${currents} WHERE stream IN ${since})`;
      const statements = [
        'INSERT INTO events SELECT * FROM former.events WHERE position > :upTo ORDER BY position',
        'INSERT OR IGNORE INTO commands SELECT * FROM former.commands WHERE position >= :upTo',
        `UPDATE tallies SET rows = rows + ${count('former.currents')} - ${count('main.currents')} WHERE kind = 'currents'`,
        `DELETE FROM currents WHERE stream IN ${since}`,
        `INSERT INTO currents SELECT * FROM former.currents WHERE stream IN ${since}`,
      ];
      for (const statement of statements) db.prepare(statement).run({ upTo });
    })();
  } finally {
    db.close();
  }
  syncFile(fresh);
}

function nameFor(fresh: string): string {
  const db = new Database(fresh, { readonly: true });
  try {
    const base = db.prepare<[], number>('SELECT coalesce(max(position), 0) FROM base').pluck().get() ?? 0;
    return `events-${base + 1}-${Date.now().toString(36)}.db`;
  } finally {
    db.close();
  }
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
