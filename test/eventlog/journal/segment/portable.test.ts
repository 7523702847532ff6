import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { DataUnusable, JOURNAL_DIRECTORY, packJournal, unpackJournal } from '../../../../eventlog/index.ts';
import { PIECES_TABLE } from '../../../../eventlog/sqlite/schema.ts';
import { answerOf } from '../../../../src/history/index.ts';
import { finished, JournalDesk, RUN, record } from '../desk.ts';
import { temporaryDirectory } from '../temporary-directory.ts';

const MIB = 1_048_576;
const SEGMENT_MIB = 128;

/** A directory with one segment that is written still, of so many MiB at least. */
function journalOf(mib: number): string {
  const directory = temporaryDirectory();
  const desk = new JournalDesk(directory);
  const writer = desk.writer();
  record(desk.producer(), finished());
  writer.turn();
  const db = new Database(join(directory, JOURNAL_DIRECTORY, 'segment-00000001.db'));
  db.exec('CREATE TABLE filler (bytes BLOB)');
  const fill = db.prepare('INSERT INTO filler VALUES (randomblob(?))');
  for (let written = 0; written < mib; written++) fill.run(MIB);
  db.close();
  return directory;
}

function fileIn(directory: string): string {
  new Database(join(directory, 'part.db')).close();
  return join(directory, 'part.db');
}

async function packed(mib: number): Promise<{ file: string; grownMib: number }> {
  const directory = journalOf(mib);
  const file = fileIn(temporaryDirectory());
  const before = process.resourceUsage().maxRSS;
  const all = { fromMs: 0, toMs: RUN * 2 };
  expect(await answerOf(packJournal(directory, file, all, async () => {}))).toBe(1);
  return { file, grownMib: (process.resourceUsage().maxRSS - before) / 1024 };
}

it('carries a segment of the largest size, what is in its write-ahead log too, without holding it', async () => {
  await packed(1);
  const { file, grownMib } = await packed(SEGMENT_MIB);
  expect(grownMib).toBeLessThan(SEGMENT_MIB / 2);
  const target = temporaryDirectory();
  mkdirSync(join(target, JOURNAL_DIRECTORY));
  unpackJournal(file, target);
  const db = new Database(join(target, JOURNAL_DIRECTORY, 'segment-00000001.db'), { readonly: true });
  expect(db.prepare('SELECT count(*) FROM filler').pluck().get()).toBe(SEGMENT_MIB);
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  db.close();
});

it('of somebody else leads nowhere, and is told where it cannot be read', () => {
  const [outside, foreign] = [fileIn(temporaryDirectory()), fileIn(temporaryDirectory())];
  const db = new Database(outside);
  db.exec(`${PIECES_TABLE}; INSERT INTO journal_pieces VALUES ('../x', 0, x'41')`);
  db.close();
  const target = temporaryDirectory();
  unpackJournal(outside, target);
  expect(readdirSync(target, { recursive: true })).toEqual([JOURNAL_DIRECTORY]);
  const other = new Database(foreign);
  // It would be unpacked for ever.
  other.exec(
    "CREATE VIEW journal_pieces AS WITH RECURSIVE piece (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM piece) SELECT 'segment-00000001.db' AS name, n AS piece, x'41' AS bytes FROM piece",
  );
  other.close();
  expect(() => unpackJournal(foreign, target)).toThrow(DataUnusable);
});
