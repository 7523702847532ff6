/** What former versions wrote is read as they read it, and what a log may say has the number of its format. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { SCHEMA_VERSION as JOURNAL_VERSION } from '../eventlog/journal/segment/segment-schema.ts';
import { SCHEMA_VERSION } from '../eventlog/sqlite/schema.ts';
import { command } from './cli/command.ts';
import { answersIn, maskedAnswer, wordsOf } from './fixtures/answers.ts';
import { journalVocabulary } from './fixtures/journal-vocabulary.ts';
import { vocabulary } from './fixtures/vocabulary.ts';
import { AdminClient } from './support/admin-client.ts';
import { ask } from './support/ask.ts';
import { startRouter } from './support/router-process.ts';
import { type TempDirectory, tempDirectory } from './support/temp-directory.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const formats = readdirSync(FIXTURES).filter((name) => name.startsWith('format-'));

/** `data` and `export.sy`, as they were written. */
async function unpacked(format: string): Promise<TempDirectory> {
  const directory = await tempDirectory();
  for (const file of readdirSync(join(FIXTURES, format), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.gz')) continue;
    const path = join(directory.path, file.slice(0, -'.gz'.length));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, gunzipSync(readFileSync(join(FIXTURES, format, file))));
  }
  return directory;
}

type Routing = { readonly domains: Record<string, unknown>; readonly pools: unknown };

describe.each(formats)('a data directory of %s', (format) => {
  const answers = answersIn(join(FIXTURES, format));
  const answer = (question: string) => answers.find((each) => each.question === question)!.answer;

  it.each(answers)('answers: $question', async ({ question, answer: expected }) => {
    await using directory = await unpacked(format);
    const ran = await command([...wordsOf(question), '--data', join(directory.path, 'data')]);
    expect({ ...ran, out: maskedAnswer(ran.out) }).toEqual({ code: 0, out: expected, err: '' });
  });

  it('exported in part is read with its base and its journal', async () => {
    await using directory = await unpacked(format);
    const file = join(directory.path, 'export.sy');
    const ask = async (question: string) => (await command([...wordsOf(question), '--data', file])).out;
    expect(await ask('state --json')).toBe(answer('state --json'));
    expect(await ask('state --at 14 --json')).toBe(answer('state --at 14 --json'));
    expect(await ask('verify')).toMatch(/^\d+ events, all as written\n$/);
    expect(maskedAnswer(await ask('replay --verify'))).toBe(answer('replay --verify'));
    const events = answer('events --json').split('\n').slice(9);
    expect(await ask('events --json')).toBe(events.join('\n'));
  });

  it('is served: the same is in force, and a trial that nobody confirmed is undone', async () => {
    await using directory = await unpacked(format);
    await using router = await startRouter({ directory: directory.path, args: ['--workers', '1'] });
    await using admin = new AdminClient(router.admin);
    const { domains, pools } = JSON.parse(answer('state --json')) as Routing;
    const { 'trial.example': trial, ...kept } = domains;
    expect(trial).toEqual({ pool: 'web' });
    await expect
      .poll(async () => (await admin.get('/v1/state')).body, { timeout: 20_000 })
      .toEqual(expect.objectContaining({ domains: kept, pools }));
    await admin.must('PUT', '/v1/domains/new.example', { pool: 'web' });
    expect((await admin.post<string>('/v1/verify')).body).toMatchObject({ ok: true });
  });
});

/** By file name. */
function formatsOfSegments(data: string): Record<string, number> {
  const files = readdirSync(join(data, 'journal')).filter((name) => name.endsWith('.db'));
  return Object.fromEntries(
    files.map((name) => {
      const db = new Database(join(data, 'journal', name), { readonly: true });
      const version = db.pragma('user_version', { simple: true }) as number;
      db.close();
      return [name, version];
    }),
  );
}

// The records of a fixture are as old as it is.
const CENTURY_MS = 3.2e12;

describe('a journal of a former format', () => {
  it('goes on in a segment of the present one, and both are read', async () => {
    await using directory = await unpacked('format-2');
    const data = join(directory.path, 'data');
    {
      const config = { journal: { maxAgeMs: CENTURY_MS } };
      await using router = await startRouter({ directory: directory.path, config, args: ['--workers', '1'] });
      await using admin = new AdminClient(router.admin);
      await ask(router.port, 'nobody.example', '/later');
      const sql = "SELECT path FROM v1_requests WHERE host = 'nobody.example'";
      const found = async () =>
        (await admin.must<{ rows: unknown[] }>('POST', '/v1/query', { sql })).body.rows;
      await expect.poll(found, { timeout: 20_000 }).toEqual([['/'], ['/later']]);
      expect((await admin.post<string>('/v1/verify')).body).toMatchObject({
        ok: true,
        journal: { damaged: [] },
      });
      await router.stop();
    }
    expect(formatsOfSegments(data)).toEqual({
      'segment-00000001.db': 1,
      'segment-00000002.db': JOURNAL_VERSION,
    });
  });
});

describe('the number of the format', () => {
  it('is raised with what a log may say: see eventlog/sqlite/schema.ts, and write test/fixtures for the next', () => {
    const known = readFileSync(join(FIXTURES, `format-${SCHEMA_VERSION}`, 'vocabulary.txt'), 'utf8');
    expect(vocabulary()).toBe(known);
  });

  it('of the journal is raised with what a segment may say: see eventlog/journal/segment/segment-schema.ts', () => {
    const known = readFileSync(join(FIXTURES, `journal-${JOURNAL_VERSION}.txt`), 'utf8');
    expect(journalVocabulary()).toBe(known);
  });
});

describe('a log that a newer version wrote', () => {
  const SAID = new RegExp(
    `expected a log of format ${SCHEMA_VERSION} or older in .*(events\\.db|export\\.sy), found format ${SCHEMA_VERSION + 1}: a newer`,
  );

  async function newer(): Promise<TempDirectory> {
    const directory = await unpacked(`format-${SCHEMA_VERSION}`);
    for (const file of ['data/events.db', 'export.sy']) {
      const db = new Database(join(directory.path, file));
      db.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
      db.close();
    }
    writeFileSync(join(directory.path, 'lines.ndjson'), '{"pool":"new"}\n');
    return directory;
  }

  /** All that lasts. */
  function filesIn(directory: string): Record<string, string> {
    const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
    const lasting = names.filter((name) => /(events|segment-\d+|history)\.db$|\.sy$/.test(name));
    return Object.fromEntries(
      lasting.map((name) => [name, readFileSync(join(directory, name)).toString('hex')]),
    );
  }

  it('is refused by every verb, and nothing in its directory is another', async () => {
    await using directory = await newer();
    const at = (name: string) => join(directory.path, name);
    const before = filesIn(directory.path);
    const verbs = [
      ...['state', 'events', 'verify', 'verify --repair', 'replay', 'explain 1', 'diff 1', 'domain list'],
      ...[`export ${at('new.sy')}`, `archive --before 10 ${at('old.sy')}`, `import ${at('lines.ndjson')}`],
      'query SELECT 1 --json',
    ];
    for (const verb of verbs) {
      const ran = await command([...wordsOf(verb), '--data', at('data')]);
      expect({ verb, code: ran.code, said: ran.out + ran.err }).toEqual({
        verb,
        code: 1,
        said: expect.stringMatching(SAID),
      });
    }
    expect((await command(['state', '--data', at('export.sy')])).err).toMatch(SAID);
    expect(filesIn(directory.path)).toEqual(before);
  });

  it('is not served', async () => {
    await using directory = await newer();
    const before = filesIn(directory.path);
    const refused = await startRouter({ directory: directory.path }).catch((error: unknown) => error);
    expect(String(refused)).toMatch(SAID);
    expect(refused).toMatchObject({ ended: { code: 1 } });
    expect(filesIn(directory.path)).toEqual(before);
  });
});

describe('a journal that a newer version wrote', () => {
  const ID = '01a2045c-2adc-8001-8952-000000000000';
  const SAID = new RegExp(
    `segment-00000001\\.db: expected a segment of format ${JOURNAL_VERSION} or older in .*, found format ${JOURNAL_VERSION + 1}: a newer switchyard wrote it`,
  );

  it.each([
    ['verify', 1],
    ['replay --verify', 1],
    ['replay --policy random', 1],
    [`explain ${ID}`, 1],
    ['query SELECT count(*) FROM v1_requests --json', 0],
  ])('is left alone, and %s says so', async (question, code) => {
    await using directory = await unpacked(`format-${SCHEMA_VERSION}`);
    const data = join(directory.path, 'data');
    const segment = join(data, 'journal/segment-00000001.db');
    const db = new Database(segment);
    db.pragma(`user_version = ${JOURNAL_VERSION + 1}`);
    db.close();
    const before = readFileSync(segment);
    const ran = await command([...wordsOf(question), '--data', data]);
    expect(ran.out + ran.err).toMatch(SAID);
    expect(ran.out).not.toContain('all decided as recorded');
    expect(ran.code).toBe(code);
    expect(readFileSync(segment).equals(before)).toBe(true);
  });
});
