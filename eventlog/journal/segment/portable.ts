/** Journal segments inside one file, as an export carries them, and unpacked again into a directory. */
import { closeSync, existsSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { definitionsIn, requireDefinitions } from '../../sqlite/definitions.ts';
import { makeFile } from '../../sqlite/make-file.ts';
import { requirePlainFiles } from '../../sqlite/plain-file.ts';
import { PIECES_TABLE } from '../../sqlite/schema.ts';
import { unusable } from '../../sqlite/sqlite-errors.ts';
import { JOURNAL_DIRECTORY, makeJournalDirectory, segmentFiles } from './segment-files.ts';
import { SegmentReader } from './segment-reader.ts';

// 1 MiB: far below the largest value of SQLite, whatever the size of a segment.
const PIECE = 1_048_576;
// Pages of 4 KiB: some milliseconds of copying.
const PAGES = 1000;

/** Progress in segments. */
export type Packing = { readonly writing: 'journal'; readonly done: number; readonly of: number };

/** Puts the segments that overlap the range into the file; returns how many. */
export async function* packJournal(
  directory: string,
  file: string,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  breathe: () => Promise<void>,
): AsyncGenerator<Packing, number> {
  const db = new Database(file);
  const whole = `${file}.segment`;
  try {
    db.exec(PIECES_TABLE);
    const insert = db.prepare<[string, number, Buffer]>('INSERT INTO journal_pieces VALUES (?, ?, ?)');
    let packed = 0;
    const segments = segmentFiles(join(directory, JOURNAL_DIRECTORY));
    for (const [done, { number, path }] of segments.entries()) {
      yield { writing: 'journal', done, of: segments.length };
      const span = spanOf(path);
      if (span === undefined || span.toMs < fromMs || span.fromMs > toMs) continue;
      await copySegment(path, whole);
      db.transaction(() => {
        let piece = 0;
        for (const bytes of piecesOf(whole))
          insert.run(`segment-${String(number).padStart(8, '0')}.db`, piece++, bytes);
      })();
      rmSync(whole);
      packed += 1;
      await breathe();
    }
    return packed;
  } finally {
    rmSync(whole, { force: true });
    db.close();
  }
}

/** Makes `directory/journal` from what the file carries; does nothing if it carries none. */
export function unpackJournal(file: string, directory: string): void {
  requirePlainFiles(file);
  const db = new Database(file, { readonly: true });
  try {
    const table = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'journal_pieces'").get();
    if (table === undefined) return;
    requireDefinitions(db, definitionsIn(PIECES_TABLE), ['journal_pieces']);
    const target = join(directory, JOURNAL_DIRECTORY);
    if (!existsSync(target)) makeJournalDirectory(target);
    const pieces = db.prepare<[], { name: string; bytes: Buffer }>(
      'SELECT name, bytes FROM journal_pieces ORDER BY name, piece',
    );
    for (const { name, bytes } of pieces.iterate()) {
      // A name from outside must not lead out of the directory.
      if (/^segment-\d{8,}\.db$/.test(name))
        writeFileSync(join(target, name), bytes, { flag: 'a', mode: 0o600 });
    }
  } catch (error) {
    throw unusable(error, file);
  } finally {
    db.close();
  }
}

function spanOf(path: string): { readonly fromMs: number; readonly toMs: number } | undefined {
  try {
    const segment = new SegmentReader(
      path,
      () => undefined,
      () => {},
    );
    const span = segment.span();
    segment.close();
    return span;
  } catch {
    // It was dropped meanwhile or cannot be read: an export carries what is readable.
    return undefined;
  }
}

/** Copies the segment as of one moment, including its write-ahead log. */
async function copySegment(path: string, to: string): Promise<void> {
  const db = new Database(path, { readonly: true });
  try {
    // Otherwise each write to the segment would restart the copy.
    db.exec('BEGIN');
    makeFile(to);
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    await db.backup(to, { progress: () => PAGES });
  } finally {
    db.close();
  }
}

/** Yields pieces in one reused buffer: a segment may have 128 MiB. */
function* piecesOf(path: string): Generator<Buffer> {
  const descriptor = openSync(path, 'r');
  try {
    for (const piece = Buffer.alloc(PIECE); ; ) {
      const bytes = readSync(descriptor, piece);
      if (bytes === 0) return;
      yield piece.subarray(0, bytes);
    }
  } finally {
    closeSync(descriptor);
  }
}
