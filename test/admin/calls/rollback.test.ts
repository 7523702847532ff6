import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LocalLog, openSqliteLog, type SwitchyardEvent, type Write } from '../../../eventlog/index.ts';
import { type Historian, LocalHistory, sourcesOf } from '../../../src/history/index.ts';
import { tamper } from '../../support/tamper.ts';
import { type TempDirectory, tempDirectory } from '../../support/temp-directory.ts';
import { type Scene, scene } from '../scene.ts';

const TOO_MANY = 10_050;
const AT_ONCE = 50;

let directory: TempDirectory;
let log: LocalLog;
let made: Scene;
/** Done once the past was looked at, before whoever asked hears of it. */
let meanwhile: () => Promise<unknown> = async () => {};
let closePast: () => void;

beforeEach(async () => {
  directory = await tempDirectory();
  log = openSqliteLog({ directory: directory.path, now: Date.now });
  const past = sourcesOf(directory.path, Date.now);
  closePast = past.close;
  const history = new LocalHistory(past);
  const raced: Historian = {
    ask: async (question, wish, signal) => {
      const answer = await history.ask(question, wish, signal);
      const work = meanwhile;
      meanwhile = async () => {};
      await work();
      return answer;
    },
    pour: (question, wish, signal) => history.pour(question, wish, signal),
  };
  made = await scene({ history: raced }, log);
  await made.client.must('PUT', '/v1/pools/web', {});
  await made.client.must('PUT', '/v1/domains/kept.example', { pool: 'web' });
});
afterEach(async () => {
  await made[Symbol.asyncDispose]();
  closePast();
  await log.close();
  await directory[Symbol.asyncDispose]();
});

async function domains(): Promise<readonly string[]> {
  const { body } = await made.client.must<{ domains: object }>('GET', '/v1/state');
  return Object.keys(body.domains);
}

const to = (body: object) => made.client.send<{ detail: string }>('POST', '/v1/rollback', { to: 2, ...body });

it('shows what it would do in lines too, to who takes them', async () => {
  await made.client.must('PUT', '/v1/domains/new.example', { pool: 'web' });
  const { body } = await to({ dryRun: true });
  expect(body).toMatchObject({ dryRun: true, changes: [{ name: 'new.example', change: 'remove' }] });
  const wish = { headers: { accept: 'application/x-ndjson' } };
  const asked = await made.client.post<string>('/v1/rollback', { to: 2, dryRun: true }, wish);
  expect(asked).toMatchObject({ status: 200, headers: { 'content-type': 'application/x-ndjson' } });
  expect(JSON.parse(asked.body.trimEnd().split('\n').at(-1) ?? '')).toEqual(body);
  const unknown = { to: 2, domain: 'no.example', dryRun: true };
  expect(await made.client.post('/v1/rollback', unknown, wish)).toMatchObject({
    status: 404,
    body: { type: 'domain_not_found' },
  });
});

describe('a rollback beside others who change things', () => {
  it('undoes what came while it was looked at what there is to undo', async () => {
    await made.client.must('PUT', '/v1/domains/early.example', { pool: 'web' });
    await made.client.must('PUT', '/v1/domains/undone.example', { pool: 'web' });
    meanwhile = async () => {
      await made.client.must('PUT', '/v1/domains/late.example', { pool: 'web' });
      await made.client.must('PUT', '/v1/domains/a.example', { pool: 'web' });
      await made.client.must('PUT', '/v1/pools/late', {});
      await made.client.must('DELETE', '/v1/domains/undone.example');
    };
    // In the order of what is shown, which is compared with what is done.
    expect(await to({})).toMatchObject({
      status: 200,
      body: {
        changed: 4,
        changes: [
          { kind: 'pool', name: 'late', change: 'remove' },
          { kind: 'domain', name: 'a.example', change: 'remove' },
          { kind: 'domain', name: 'early.example', change: 'remove' },
          { kind: 'domain', name: 'late.example', change: 'remove' },
        ],
      },
    });
    expect(await domains()).toEqual(['kept.example']);
  });

  it('does nothing of what was shown once more came, and all of it where what came is none of it', async () => {
    await made.client.must('PUT', '/v1/domains/early.example', { pool: 'web' });
    const put = (host: string) => () => made.client.must('PUT', `/v1/domains/${host}`, { pool: 'web' });
    meanwhile = put('late.example');
    expect(await to({ seen: 3 })).toMatchObject({ status: 412, body: { type: 'version_mismatch' } });
    meanwhile = put('later.example');
    expect(await to({ seen: 3, domain: 'early.example' })).toMatchObject({ status: 200 });
    expect(await domains()).toEqual(['kept.example', 'late.example', 'later.example']);
  });

  it('counts what came among what may go', async () => {
    const put = async (from: number) => {
      for (let at = from; at < from + 6; at++)
        await made.client.must('PUT', `/v1/domains/d${10 + at}.example`, { pool: 'web' });
    };
    await put(0);
    meanwhile = () => put(6);
    expect(await to({})).toMatchObject({ body: { type: 'too_many_removals', detail: /found 12;/ } });
    expect(await to({ allowRemovals: 12 })).toMatchObject({ status: 200, body: { changed: 12 } });
  });

  it('of one owner asks nothing of any other', async () => {
    await made.client.must('PUT', '/v1/domains/early.example', { pool: 'web' });
    tamper(
      directory.path,
      "UPDATE currents SET checksum = checksum + 1 WHERE stream = 'domain-kept.example'",
    );
    expect(await to({ domain: 'early.example', dryRun: true })).toMatchObject({ status: 200 });
    expect(await to({ domain: 'early.example' })).toMatchObject({ status: 200, body: { changed: 1 } });
  });
});

describe('the undoing of one change beside others who change things', () => {
  it('leaves what somebody changed while it was looked at', async () => {
    await made.client.must('PUT', '/v1/domains/early.example', { pool: 'web' });
    meanwhile = () => made.client.must('PUT', '/v1/domains/early.example', { pool: 'web', maxInFlight: 7 });
    expect((await made.client.must('POST', '/v1/rollback', { change: 3 })).body).toMatchObject({
      changed: 0,
      changes: [],
      left: ['domain early.example was changed since'],
    });
    expect(await domains()).toEqual(['early.example', 'kept.example']);
  });
});

describe('a rollback under a key', () => {
  it.each([
    ['to a position', { to: 2 }],
    ['of one change', { change: 3 }],
  ])('%s is made once, and none with another wish', async (_title, wish) => {
    const asked = (body: object) => made.client.post('/v1/rollback', body, { key: 'k' });
    await made.client.must('PUT', '/v1/domains/early.example', { pool: 'web' });
    const { body } = await asked(wish);
    expect(body).toMatchObject({ dryRun: false, position: 4, changed: 1, changes: [{ change: 'remove' }] });
    await made.client.must('PUT', '/v1/domains/early.example', { pool: 'web' });
    const repeated = (await asked(wish)).body;
    expect(repeated).toMatchObject({ dryRun: false, position: 4, changed: 1, repeated: true });
    expect(repeated).not.toHaveProperty('changes');
    for (const other of [{ domain: 'early.example' }, { seen: 3 }, { allowRemovals: 1 }])
      expect(await asked({ ...wish, ...other })).toMatchObject({ status: 422 });
    expect(await domains()).toEqual(['early.example', 'kept.example']);
  });
});

describe('a rollback of more than one plan may make', () => {
  it('shows the first of it and how many more there are, and does nothing', async () => {
    const settings = { pool: 'web' };
    for (let from = 0; from < TOO_MANY; from += AT_ONCE) {
      const writes = Array.from({ length: AT_ONCE }, (_, at): Write => {
        return {
          stream: `domain-d${100_000 + from + at}.example` as Write['stream'],
          expected: 0,
          events: [{ type: 'DomainCreated', data: { settings } } as SwitchyardEvent],
          current: { settings, version: 1 },
        };
      });
      await log.append({ commandId: `${from}`, digest: 'd', author: 'many', answer: null, writes });
    }
    const { body } = await made.client.must<{ changes: readonly { name: string }[] }>(
      'POST',
      '/v1/rollback',
      {
        to: 2,
        dryRun: true,
      },
    );
    const detail =
      'expected at most 1005 of 10051 domains to be removed, found 10050; --allow-removals 10050 allows it';
    expect(body).toMatchObject({ more: 50, refused: { type: 'too_many_removals', detail } });
    expect(body.changes).toHaveLength(10_000);
    expect(body.changes[0]).toMatchObject({ name: 'd100000.example' });
    expect(await to({ allowRemovals: TOO_MANY })).toMatchObject({
      body: {
        type: 'too_many_changes',
        detail: 'expected at most 10000 changes at once, found 10050; undo them by --domain or --pool',
      },
    });
  });
});
