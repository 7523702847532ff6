import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { EventLog } from '../../eventlog/index.ts';
import { SCHEMA_VERSION } from '../../eventlog/journal/segment/segment-schema.ts';
import { LogAtHand } from '../../src/router/log-at-hand.ts';
import { positionInJournal } from '../../src/router/lost-events.ts';
import { createProcessLog } from '../../src/telemetry/process-log.ts';
import { append, poolCreated, WEB, write } from '../eventlog/appends.ts';
import { finished, JournalDesk, record } from '../eventlog/journal/desk.ts';
import { temporaryDirectory } from '../eventlog/journal/temporary-directory.ts';

/** What is told where the log is opened, and the log as it was before it was closed again. */
async function opened(directory: string, use = async (_: EventLog) => {}): Promise<string> {
  let told = '';
  const destination = { write: (line: string) => (told += line) };
  const log = await new LogAtHand(directory, createProcessLog({ level: 'info', destination })).openFirst();
  await use(log);
  await log.close();
  return told;
}

function journalUpTo(directory: string, position: number): void {
  const journal = new JournalDesk(directory);
  const writer = journal.writer();
  for (let each = 0; each <= position; each++)
    record(journal.producer(), finished({ sequence: each, position: each }));
  writer.turn();
  writer.close();
}

describe('a log that ends before what its journal knows', () => {
  it('is told of', async () => {
    const directory = temporaryDirectory();
    const wish = append([write(WEB, 0, [poolCreated()], { settings: {}, version: 1 })]);
    await opened(directory, async (log) => void (await log.append(wish)));
    journalUpTo(directory, 1);
    expect(positionInJournal(directory)).toBe(1);
    expect(await opened(directory)).toBe('');

    rmSync(join(directory, 'events.db'));
    const told = await opened(directory);
    expect(JSON.parse(told)).toMatchObject({ level: 'warn', position: 0, known: 1 });
    expect(told).toContain('events were lost');
  });

  it('is not known of where its journal cannot be read, which is told instead', async () => {
    const directory = temporaryDirectory();
    journalUpTo(directory, 1);
    const db = new Database(join(directory, 'journal/segment-00000001.db'));
    db.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    db.close();
    const told = await opened(directory);
    expect(JSON.parse(told)).toMatchObject({ level: 'warn' });
    expect(told).toContain(`found format ${SCHEMA_VERSION + 1}: a newer switchyard wrote it`);
  });

  it('is looked for in the newest segments alone, however many there are', () => {
    const directory = temporaryDirectory();
    journalUpTo(directory, 1);
    const journal = join(directory, 'journal');
    const segment = (number: number) => join(journal, `segment-${String(number).padStart(8, '0')}.db`);
    const found = [1, 16, 17, 100].map((many) => {
      for (let number = 2; number <= many; number++) copyFileSync(segment(1), segment(number));
      for (let number = 1; number < many; number++) writeFileSync(segment(number), 'not a segment');
      let damaged = 0;
      const position = positionInJournal(directory, () => damaged++);
      for (let number = 1; number < many; number++) copyFileSync(segment(many), segment(number));
      return { position, damaged };
    });
    // Each of fifteen is tried for its time, and for its requests.
    expect(found).toEqual([0, 30, 30, 30].map((damaged) => ({ position: 1, damaged })));
  });

  it('is not known of where there is no journal, an empty one, or none that can be read', () => {
    const directory = temporaryDirectory();
    expect(positionInJournal(directory)).toBe(0);
    journalUpTo(directory, -1);
    expect(positionInJournal(directory)).toBe(0);
    rmSync(join(directory, 'journal'), { recursive: true });
    writeFileSync(join(directory, 'journal'), 'in the way');
    expect(positionInJournal(directory)).toBe(0);
  });
});
