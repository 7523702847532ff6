/** A journal that is harmed in one place: what is told of it, and what of a request is told all the same. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { keyOf } from '../../actors/index.ts';
import { type FinishedRequest, JOURNAL_DIRECTORY, openSqliteLog, writeName } from '../../eventlog/index.ts';
import { Damage } from '../../src/history/files/damage.ts';
import { verifyAll } from '../../src/history/files/portion.ts';
import { answerOf, LocalHistory, roomOf, sourcesOf } from '../../src/history/index.ts';
import { finished, idOf, JournalDesk, record } from '../eventlog/journal/desk.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';

const SEGMENT = 'segment-00000001.db';

/** One request to pool `web`, of which the journal has the name, and one that asked none. */
async function recorded(): Promise<{ directory: TempDirectory; requests: FinishedRequest[] }> {
  const directory = await tempDirectory();
  const desk = new JournalDesk(directory.path);
  const ring = desk.producer();
  const writer = desk.writer();
  writeName(ring, keyOf('web'), 'web');
  const requests = [0, keyOf('web')].map((poolKey, sequence) => finished({ sequence, poolKey }));
  for (const request of requests) record(ring, request);
  writer.turn();
  writer.close();
  await openSqliteLog({ directory: directory.path, now: Date.now }).close();
  return { directory, requests };
}

function harm({ path }: TempDirectory, sql: string): void {
  const db = new Database(join(path, JOURNAL_DIRECTORY, SEGMENT));
  db.exec(sql);
  db.close();
}

async function asked<T>({ path }: TempDirectory, ask: (past: ReturnType<typeof sourcesOf>) => Promise<T>) {
  const past = sourcesOf(path, Date.now);
  try {
    return await ask(past);
  } finally {
    past.close();
  }
}

describe('explain of a request whose segment is harmed', () => {
  it('does not guess how it ended, and says what was left out', async () => {
    const { directory, requests } = await recorded();
    await using _ = directory;
    harm(directory, `UPDATE about SET vocabulary = replace(vocabulary, 'queue', 'pueue')`);
    const story = await asked(directory, (past) =>
      new LocalHistory(past).ask('explain', { id: idOf(requests[1]!) }),
    );
    expect(story.outcome).toMatchObject({
      type: 'code 0',
      code: '',
      description: '',
      blame: 'nobody',
      status: 200,
    });
    expect(story.outcome.advice).toMatch(/^How it ended is not known: /);
    expect(story.notes.at(-1)).toMatch(
      /^damaged in the journal, and left out: .*segment-00000001\.db: expected the words of its records with checksum \d+, found \d+$/,
    );
  });

  it('says so only where it concerns that request', async () => {
    const { directory, requests } = await recorded();
    await using _ = directory;
    harm(directory, `UPDATE names SET name = 'wed'`);
    const [without, of] = await asked(directory, async (past) => {
      const history = new LocalHistory(past);
      const stories = [];
      for (const request of requests.toReversed())
        stories.unshift(await history.ask('explain', { id: idOf(request) }));
      return stories;
    });
    expect(of?.pool).toBeNull();
    expect(of?.notes.join()).toContain('expected the name of ');
    expect(without?.notes.join()).not.toContain('damaged');
  });
});

describe('verify of a harmed segment', () => {
  it('tells each thing that is wrong with it', async () => {
    const { directory } = await recorded();
    await using _ = directory;
    harm(
      directory,
      `UPDATE names SET name = 'wed'; UPDATE about SET created_at_ms = 1; UPDATE blocks SET run = 1`,
    );
    const verified = await asked(directory, ({ sources }) =>
      answerOf(verifyAll({}, roomOf(sources(), new AbortController().signal))),
    );
    const says = [
      /: expected the words of its records /,
      /: expected the name of /,
      /: block 1: expected its row /,
    ];
    expect(verified).toMatchObject({
      ok: false,
      journal: { damaged: says.map((what) => expect.stringMatching(what)) },
    });
  });

  it('tells the first eight of a file, and that there are more', () => {
    const damage = new Damage();
    for (let turn = 0; turn < 2; turn++)
      for (let at = 0; at < 8; at++) damage.add('one', new RangeError(`row ${at}`));
    expect(damage.all()).toHaveLength(8);
    for (let at = 8; at < 100; at++) damage.add('one', new RangeError(`row ${at}`));
    damage.add('other', new RangeError('a row'));
    expect(damage.all()).toEqual([
      ...Array.from({ length: 8 }, (_, at) => `one: row ${at}`),
      'one: and more',
      'other: a row',
    ]);
    damage.forget('one');
    expect(damage.all()).toEqual(['other: a row']);
  });
});
