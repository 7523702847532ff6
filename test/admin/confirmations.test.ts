import { isDeepStrictEqual } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { OwnerUnavailable, type RoutingDesk, type Running } from '../../actors/index.ts';
import {
  createMemoryLog,
  type EventLog,
  type LocalLog,
  LogUnavailable,
  openJournalReader,
} from '../../eventlog/index.ts';
import { Confirmations } from '../../src/admin/index.ts';
import { LocalHistory } from '../../src/history/index.ts';
import { command } from '../cli/command.ts';
import { PATIENCE_MS, pause } from '../support/eventually.ts';
import { deskOver, type Scene, scene } from './scene.ts';

const BACKENDS = { 'web.1': { address: '127.0.0.1:9001' } };
const BEFORE = {
  pools: { web: { backends: BACKENDS } },
  domains: { 'a.example': { pool: 'web' }, 'b.example': { pool: 'web' } },
};
const AFTER = {
  pools: { web: { backends: BACKENDS } },
  domains: { 'a.example': { pool: 'web', maintenance: true } },
};

const lives: Running[] = [];
const context = { id: 'confirmations', kind: 'confirmations', signal: new AbortController().signal };
afterEach(() => {
  for (const life of lives.splice(0)) life.stop('kill');
});

type Parts = {
  readonly told?: string[];
  readonly desk?: RoutingDesk;
  readonly exited?: () => void;
  readonly now?: () => number;
};

/** As a router has it after a start: what is on trial is known from the log alone. */
async function started(log: EventLog, parts: Parts = {}): Promise<Confirmations> {
  const { told = [], desk = deskOver(log), exited = () => {} } = parts;
  const reader = (log as LocalLog).reader;
  const journal = () => openJournalReader('/nonexistent');
  const sources = () => ({
    directory: undefined,
    log: reader,
    points: () => undefined,
    journal,
    damage: () => [],
    now: Date.now,
  });
  const tell = (_: object, message: string) => void told.push(message);
  const made = new Confirmations({
    desk: () => desk,
    log: () => log,
    history: new LocalHistory({ sources }),
    now: parts.now ?? Date.now,
    logger: { info() {}, warn: tell, error: tell },
    retryMs: 20,
  });
  lives.push(await made.childSpec().start({ ...context, exited }));
  return made;
}

async function stage(): Promise<Scene> {
  const log = createMemoryLog({ now: Date.now });
  const made = await scene({ confirmations: await started(log), now: Date.now }, log);
  await made.client.must('POST', '/v1/apply', BEFORE);
  return made;
}

async function domains({ client }: Scene): Promise<unknown> {
  return (await client.must<{ domains: unknown }>('GET', '/v1/state')).body.domains;
}

// Long enough for what is asked meanwhile, also on a machine that others use.
const SOON_MS = 1500;

type Answered = { confirm: { id: string; untilMs: number } };
const onTrial = async ({ client }: Scene, ms: number) =>
  (await client.must<Answered>('POST', `/v1/apply?confirmWithinMs=${ms}`, AFTER)).body.confirm;

async function untilDomains(made: Scene, expected: unknown): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isDeepStrictEqual(await domains(made), expected)) {
    if (performance.now() > deadline) throw new Error('expected the change to be undone');
    await pause(10);
  }
}

describe('a change on trial', () => {
  it('is in force at once, and undone when nobody confirmed it in time', async () => {
    await using made = await stage();
    const { id } = await onTrial(made, SOON_MS);
    expect(await domains(made)).toEqual(AFTER.domains);
    await untilDomains(made, BEFORE.domains);
    const late = await made.client.send<{ type: string }>('POST', '/v1/confirm', { id });
    expect([late.status, late.body.type]).toEqual([409, 'confirmation_late']);
  });

  it('stays once it is confirmed, however often', async () => {
    await using made = await stage();
    const { id } = await onTrial(made, 60_000);
    const listed = await made.client.must<{ items: { id: string }[] }>('GET', '/v1/confirmations');
    expect(listed.body.items).toMatchObject([{ id, before: 4 }]);
    for (let times = 0; times < 2; times += 1)
      expect((await made.client.must('POST', '/v1/confirm', { id })).body).toEqual({ id, confirmed: true });
    expect((await made.client.must('GET', '/v1/confirmations')).body).toEqual({ items: [] });
    expect(await (await started(made.log)).list()).toEqual([]);
    expect(await domains(made)).toEqual(AFTER.domains);
  });

  it('is undone once it can be, though no confirming or undoing could be written before, and that is told once', async () => {
    const log = createMemoryLog({ now: Date.now });
    let isFull = false;
    const append = log.append.bind(log);
    log.append = (wish) =>
      isFull ? Promise.reject(new LogUnavailable('log_full', 'no room')) : append(wish);
    const told: string[] = [];
    const confirmations = await started(log, { told });
    await using made = await scene({ confirmations, now: Date.now }, log);
    await made.client.must('POST', '/v1/apply', BEFORE);
    const { id } = await onTrial(made, SOON_MS);
    isFull = true;
    const refused = await made.client.post<{ type: string }>('/v1/confirm', { id });
    expect([refused.status, refused.body.type]).toEqual([507, 'log_full']);
    const cannot = 'not confirmed in time, but cannot be undone yet; retrying';
    await expect.poll(() => told).toEqual([cannot]);
    await pause(100);
    expect(await domains(made)).toEqual(AFTER.domains);
    isFull = false;
    await untilDomains(made, BEFORE.domains);
    expect(told).toEqual([cannot, 'not confirmed in time: undone']);
    await onTrial(made, SOON_MS);
    await log.close();
    await expect.poll(() => told.slice(2)).toEqual([cannot]);
    await pause(100);
    expect(told).toHaveLength(3);
  });

  it('is undone though its confirming failed, and kept where that was written', async () => {
    const log = createMemoryLog({ now: Date.now });
    const append = log.append.bind(log);
    let isLosing: 'nothing' | 'the wish' | 'the answer' = 'nothing';
    log.append = async (wish) => {
      if (isLosing === 'the wish') throw new Error('a fault');
      const appended = await append(wish);
      if (isLosing === 'the answer') throw new LogUnavailable('log_closed', 'lost');
      return appended;
    };
    const confirm = async (id: string) => (await made.client.post('/v1/confirm', { id })).status;
    await using made = await scene({ confirmations: await started(log), now: Date.now }, log);
    await made.client.must('POST', '/v1/apply', BEFORE);
    const failed = await onTrial(made, SOON_MS);
    isLosing = 'the wish';
    expect(await confirm(failed.id)).toBe(500);
    isLosing = 'nothing';
    await untilDomains(made, BEFORE.domains);
    const written = await onTrial(made, SOON_MS);
    isLosing = 'the answer';
    expect(await confirm(written.id)).toBe(503);
    isLosing = 'nothing';
    await pause(SOON_MS + 200);
    expect((await made.client.must('GET', '/v1/confirmations')).body).toEqual({ items: [] });
    expect(await domains(made)).toEqual(AFTER.domains);
    expect(await confirm(written.id)).toBe(200);
  });

  it('is not forgotten by a restart', async () => {
    await using made = await stage();
    const { id } = await onTrial(made, 60_000);
    for (const life of lives.splice(0)) life.stop('kill');
    const next = await started(made.log);
    expect(next.list()).toMatchObject([{ id }]);
    expect(await next.confirm(id, { author: 'later' })).toEqual({ type: 'confirmed' });
  });

  it('is not undone at once where the clock was set back by a month since', async () => {
    await using made = await stage();
    const { id } = await onTrial(made, 60_000);
    for (const life of lives.splice(0)) life.stop('kill');
    const next = await started(made.log, { now: () => Date.now() - 30 * 86_400_000 });
    await pause(100);
    expect(next.list()).toMatchObject([{ id }]);
    expect(await domains(made)).toEqual(AFTER.domains);
  });

  it.each([
    ['stops', (life: Running) => life.stop('kill'), 0],
    ['fails', (life: Running) => life.crash?.(new Error('made to fail')), 1],
  ])('is let alone by who %s, and undone by the next one', async (_title, end, exits) => {
    const log = createMemoryLog({ now: Date.now });
    const exited = vi.fn();
    await using made = await scene({ confirmations: await started(log, { exited }), now: Date.now }, log);
    await made.client.must('POST', '/v1/apply', BEFORE);
    await onTrial(made, SOON_MS);
    for (const life of lives.splice(0)) end(life);
    expect(exited).toHaveBeenCalledTimes(exits);
    await pause(SOON_MS + 100);
    expect(await domains(made)).toEqual(AFTER.domains);
    await started(log);
    // Whoever is started after it serves nobody by what ran out meanwhile.
    expect(await domains(made)).toEqual(BEFORE.domains);
  });

  it.each([
    [
      'is lost once it is written, which is refused',
      new OwnerUnavailable('lost', 1000),
      [503, 'owner_unavailable'],
    ],
    ['has a fault then', new Error('a fault'), [500, 'internal_error']],
  ])('is on trial too where its owner %s', async (_title, error, told) => {
    const log = createMemoryLog({ now: Date.now });
    let isLost = false;
    const bringUpTo = async () => {
      if (isLost) throw error;
    };
    const confirmations = await started(log, { desk: deskOver(log, { bringUpTo }) });
    await using made = await scene({ confirmations, now: Date.now }, log);
    await made.client.must('POST', '/v1/apply', BEFORE);
    isLost = true;
    const refused = await made.client.post<{ type: string }>(`/v1/apply?confirmWithinMs=${SOON_MS}`, AFTER);
    expect([refused.status, refused.body.type]).toEqual(told);
    expect(await domains(made)).toEqual(AFTER.domains);
    isLost = false;
    await untilDomains(made, BEFORE.domains);
  });

  it('undoes nothing that somebody changed again since', async () => {
    await using made = await stage();
    await onTrial(made, SOON_MS);
    await made.client.must('PUT', '/v1/domains/a.example', { pool: 'web', maxInFlight: 7 });
    const expected = { 'a.example': { pool: 'web', maxInFlight: 7 }, 'b.example': { pool: 'web' } };
    await untilDomains(made, expected);
  });

  it('waits for the one before it: two at once could not both be undone', async () => {
    await using made = await stage();
    const { id } = await onTrial(made, 60_000);
    const second = await made.client.send<{ type: string; detail: string }>(
      'POST',
      '/v1/apply?confirmWithinMs=60000',
      BEFORE,
    );
    expect([second.status, second.body.type]).toEqual([409, 'confirmation_pending']);
    expect(second.body.detail).toContain(id);
    expect(await domains(made)).toEqual(AFTER.domains);
  });

  it('repeated under its key is the same, and another where it has another time', async () => {
    await using made = await stage();
    const repeated = (ms: number) =>
      made.client.post<Answered>(`/v1/apply?confirmWithinMs=${ms}`, AFTER, { key: 'k' });
    const { confirm } = (await repeated(5000)).body;
    expect(confirm.id).toMatch(/^[0-9a-f]{12}$/);
    expect((await repeated(5000)).body).toMatchObject({ repeated: true, position: 6, confirm });
    expect((await repeated(61_000)).status).toBe(422);
    await made.client.must('POST', '/v1/confirm', { id: confirm.id });
    expect((await repeated(5000)).body).toMatchObject({ repeated: true, confirm: null });
    await pause(confirm.untilMs - Date.now() + 100);
    expect(await domains(made)).toEqual(AFTER.domains);
  });

  it('is so for a millisecond at least, and for a day at most', async () => {
    await using made = await stage();
    const wished = (ms: number) => made.client.post(`/v1/apply?confirmWithinMs=${ms}`, BEFORE);
    for (const ms of [0, 86_400_001]) expect(await wished(ms)).toMatchObject({ status: 400 });
    for (const ms of [1, 86_400_000]) expect(await wished(ms)).toMatchObject({ status: 200 });
  });

  it('keeps what somebody built on it, undoes the rest, and says so', async () => {
    await using made = await stage();
    const pools = { ...BEFORE.pools, blue: { backends: { 'blue.1': { address: '127.0.0.1:9101' } } } };
    const wished = { pools, domains: { 'a.example': { pool: 'blue' }, 'b.example': { pool: 'blue' } } };
    const { body } = await made.client.must<Answered>('POST', `/v1/apply?confirmWithinMs=${SOON_MS}`, wished);
    await made.client.must('PUT', '/v1/domains/c.example', { pool: 'blue' });
    await untilDomains(made, { ...BEFORE.domains, 'c.example': { pool: 'blue' } });
    const late = await made.client.send<{ detail: string }>('POST', '/v1/confirm', { id: body.confirm.id });
    expect(late.body.detail).toContain('but for 2: pool blue serves c.example now; backend blue/blue.1');
    expect(Object.keys((await made.client.must<{ pools: object }>('GET', '/v1/state')).body.pools)).toEqual([
      'blue',
      'web',
    ]);
  });

  it('is unknown under any other id, and none where nothing changed', async () => {
    await using made = await stage();
    const unknown = await made.client.send<{ type: string }>('POST', '/v1/confirm', { id: '0123456789ab' });
    expect([unknown.status, unknown.body.type]).toEqual([404, 'confirmation_unknown']);
    expect((await made.client.must('POST', '/v1/apply?confirmWithinMs=60000', BEFORE)).body).toMatchObject({
      confirm: null,
    });
  });

  it('is one of two that come at once', async () => {
    await using made = await stage();
    const wished = (maxInFlight: number) =>
      made.client.post('/v1/apply?confirmWithinMs=60000', {
        ...BEFORE,
        domains: { 'a.example': { pool: 'web', maxInFlight } },
      });
    const both = await Promise.all([wished(1), wished(2)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  it('is told and confirmed on the command line', async () => {
    await using made = await stage();
    const at = ['--admin', made.address];
    const ran = await command(['apply', '-', '--confirm-within', '5m', ...at], {
      stdin: JSON.stringify(AFTER),
    });
    const id = /switchyard confirm ([0-9a-f]{12})/.exec(ran.out)?.[1] ?? '';
    expect(ran.out).toContain('undone at');
    expect((await command(['confirm', ...at])).out).toContain(
      `${id}  will be undone, back to position 4, at `,
    );
    expect(await command(['confirm', id, ...at])).toMatchObject({ code: 0, out: `${id} confirmed\n` });
    expect((await command(['confirm', ...at])).out).toBe('nothing is on trial\n');
    expect((await command(['apply', '-', '--confirm-within', '5y', ...at], { stdin: '{}' })).code).toBe(2);
  });
});

describe('a change on trial, with its time up while others have the log', () => {
  async function held() {
    const log = createMemoryLog({ now: Date.now });
    const desk = deskOver(log);
    const told: string[] = [];
    const confirmations = await started(log, { told, desk });
    const made = await scene({ confirmations, desk, now: Date.now }, log);
    await made.client.must('POST', '/v1/apply', BEFORE);
    const { id } = await onTrial(made, SOON_MS);
    const { promise, resolve: letGo } = Promise.withResolvers<void>();
    void desk.alone(() => promise);
    return { made, confirmations, id, told, letGo, timeUp: () => pause(SOON_MS + 100) };
  }

  it('is kept where it was confirmed before', async () => {
    const { made, confirmations, id, told, letGo, timeUp } = await held();
    await using _ = made;
    const confirmed = confirmations.confirm(id, { author: 'me' });
    await timeUp();
    letGo();
    expect(await confirmed).toEqual({ type: 'confirmed' });
    await pause(100);
    expect(await domains(made)).toEqual(AFTER.domains);
    expect(told).toEqual([]);
  });

  it('is undone where it is confirmed after', async () => {
    const { made, confirmations, id, letGo, timeUp } = await held();
    await using _ = made;
    await timeUp();
    const confirmed = confirmations.confirm(id, { author: 'me' });
    letGo();
    expect(await confirmed).toEqual({ type: 'undone', left: [] });
    expect(await domains(made)).toEqual(BEFORE.domains);
  });

  it('leaves what they change', async () => {
    const { made, letGo, timeUp } = await held();
    await using _ = made;
    const put = made.client.put('/v1/domains/a.example', { pool: 'web', maxInFlight: 7 });
    await timeUp();
    letGo();
    await put;
    const kept = { 'a.example': { pool: 'web', maxInFlight: 7 }, 'b.example': { pool: 'web' } };
    await untilDomains(made, kept);
  });
});
