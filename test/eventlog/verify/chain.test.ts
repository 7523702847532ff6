/** What `verify` says of the chain of events where it is wrong in one thing alone. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { bytesOf, chainHash, checksumOf, GENESIS } from '../../../eventlog/events/stored-event.ts';
import { openSqliteLog, openSqliteReader, type SwitchyardEvent, verify } from '../../../eventlog/index.ts';
import { projectionOf } from '../../../src/projection.ts';
import { Past } from '../../history/past.ts';
import { copyLog } from '../../support/copy-log.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { longEvent, tearPage } from '../../support/torn-page.ts';

/** Six events, the first at 1 s and each a second later; that at position 3 has more text than fits in a page. */
async function fill(directory: string): Promise<void> {
  let nowMs = 0;
  await using log = openSqliteLog({ directory, now: () => nowMs });
  const past = new Past(log);
  const happen = async (stream: string, event: SwitchyardEvent) => {
    nowMs += 1000;
    await past.happen([stream, event]);
  };
  await happen('pool-a', { type: 'PoolCreated', data: { settings: {} } });
  await happen('domain-w.example', { type: 'DomainCreated', data: { settings: { pool: 'a' as never } } });
  await happen('domain-x.example', longEvent('a'));
  for (const maxConcurrency of [4, 5, 6])
    await happen('pool-a', { type: 'PoolChanged', data: { settings: { maxConcurrency } } });
}

/** As by someone who knows how events are sealed: all are sealed anew, so that each fits the one before it. */
function setClock(path: string, position: number, recordedAtMs: number): void {
  const reader = openSqliteReader(path);
  let hash = reader.base()?.hash ?? GENESIS;
  const forged = reader.storedEvents(1, 100).map((event) => {
    const bytes = bytesOf(event.position === position ? { ...event, recordedAtMs } : event);
    hash = chainHash(hash, bytes);
    return [checksumOf(bytes), hash, event.position] as const;
  });
  reader.close();
  const db = new Database(path);
  db.exec('DROP TRIGGER IF EXISTS events_are_never_updated');
  db.prepare('UPDATE events SET recorded_at_ms = ? WHERE position = ?').run(recordedAtMs, position);
  const seal = db.prepare('UPDATE events SET checksum = ?, hash = unhex(?) WHERE position = ?');
  for (const values of forged) seal.run(values);
  db.close();
}

async function findingsOf(place: string) {
  const reader = openSqliteReader(place);
  try {
    return (await verify(reader, projectionOf)).findings;
  } finally {
    reader.close();
  }
}

it('an event before the time of the one before it is found, however well it is sealed', async () => {
  await using directory = await tempDirectory();
  await fill(directory.path);
  const path = join(directory.path, 'events.db');
  setClock(path, 4, 3000);
  expect(await findingsOf(path)).toEqual([]);
  setClock(path, 4, 2999);
  expect(await findingsOf(path)).toEqual([
    {
      type: 'time_reversed',
      position: 4,
      stream: 'pool-a',
      expected: 'recorded at 3000 or later',
      found: '2999',
    },
  ]);
  // All up to the latest time, not the next alone.
  setClock(path, 4, 6500);
  expect(await findingsOf(path)).toMatchObject([
    { type: 'time_reversed', position: 5 },
    { type: 'time_reversed', position: 6 },
  ]);
});

it('the first event after a base is not before the time of the last that the base stands for', async () => {
  await using directory = await tempDirectory();
  await fill(directory.path);
  const path = join(directory.path, 'part.db');
  const source = openSqliteReader(directory.path);
  await copyLog({ source, path, from: 4, to: 6, projectionOf, breathe: async () => {} });
  source.close();
  setClock(path, 4, 2999);
  // Either of the two may be wrong.
  expect(await findingsOf(path)).toMatchObject([
    { type: 'base_wrong', position: 3, expected: 'a base recorded at 2999 or before', found: '3000' },
    { type: 'time_reversed', position: 4, expected: 'recorded at 3000 or later', found: '2999' },
  ]);
});

it('an event on a page that cannot be read is all that is found: of those after it nothing is said', async () => {
  await using directory = await tempDirectory();
  await fill(directory.path);
  tearPage(directory.path);
  const findings = (await findingsOf(directory.path)).filter(({ type }) => type !== 'file_damaged');
  expect(findings).toMatchObject([{ type: 'event_unreadable', position: 3 }]);
});
