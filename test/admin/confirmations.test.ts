import { isDeepStrictEqual } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { OwnerUnavailable } from '../../actors/index.ts';
import { createMemoryLog, type EventLog, type LocalLog, openJournalReader } from '../../eventlog/index.ts';
import { Confirmations } from '../../src/admin/index.ts';
import { LocalHistory } from '../../src/history/index.ts';
import { command } from '../cli/command.ts';
import { pause } from '../support/eventually.ts';
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

const stops: (() => unknown)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** As a router has it after a start: what is on trial is known from the log alone. */
async function started(log: EventLog, told: string[] = [], desk = deskOver(log)): Promise<Confirmations> {
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
  const history = new LocalHistory({ sources });
  const logger = { info() {}, warn() {}, error: (_: object, message: string) => void told.push(message) };
  const made = new Confirmations({ desk: () => desk, log: () => log, history, now: Date.now, logger });
  const context = {
    id: 'confirmations',
    kind: 'confirmations',
    signal: new AbortController().signal,
    exited() {},
  };
  const running = await made.childSpec().start(context);
  stops.push(() => running.stop('kill'));
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

type Answered = { confirm: { id: string; untilMs: number } };
const onTrial = async ({ client }: Scene, ms: number) =>
  (await client.must<Answered>('POST', `/v1/apply?confirmWithinMs=${ms}`, AFTER)).body.confirm;

async function untilDomains(made: Scene, expected: unknown): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isDeepStrictEqual(await domains(made), expected)) {
    if (performance.now() > deadline) throw new Error('expected the change to be undone');
    await pause(10);
  }
}

describe('a change on trial', () => {
  it('is in force at once, and undone when nobody confirmed it in time', async () => {
    await using made = await stage();
    // Long enough for a question meanwhile, also on a machine that others use.
    const { id } = await onTrial(made, 1500);
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

  it('is told of once where it cannot be undone, however often that is tried', {
    timeout: 20_000,
  }, async () => {
    const log = createMemoryLog({ now: Date.now });
    const told: string[] = [];
    await using made = await scene({ confirmations: await started(log, told), now: Date.now }, log);
    await made.client.must('POST', '/v1/apply', BEFORE);
    await onTrial(made, 300);
    await log.close();
    // Two tries, 5 s apart.
    await pause(6000);
    expect(told).toEqual([expect.stringContaining('cannot be undone yet')]);
  });

  it('is not forgotten by a restart, and undone when its time ran out meanwhile', async () => {
    await using made = await stage();
    const { id } = await onTrial(made, 60_000);
    for (const stop of stops.splice(0)) stop();
    const next = await started(made.log);
    expect(next.list()).toMatchObject([{ id }]);
    expect(await next.confirm(id, { author: 'later' })).toEqual({ type: 'confirmed' });

    await using other = await stage();
    await onTrial(other, 1);
    for (const stop of stops.splice(0)) stop();
    await started(other.log);
    await untilDomains(other, BEFORE.domains);
  });

  it('is on trial too where its owner is lost once it is written, which is refused', async () => {
    const log = createMemoryLog({ now: Date.now });
    let isLost = false;
    const settle = async () => {
      if (isLost) throw new OwnerUnavailable('lost', 1000);
    };
    const confirmations = await started(log, [], deskOver(log, { settle }));
    await using made = await scene({ confirmations, now: Date.now }, log);
    await made.client.must('POST', '/v1/apply', BEFORE);
    isLost = true;
    const refused = await made.client.post<{ type: string }>('/v1/apply?confirmWithinMs=300', AFTER);
    expect([refused.status, refused.body.type]).toEqual([503, 'owner_unavailable']);
    expect(await domains(made)).toEqual(AFTER.domains);
    isLost = false;
    await untilDomains(made, BEFORE.domains);
  });

  it('undoes nothing that somebody changed again since', async () => {
    await using made = await stage();
    await onTrial(made, 300);
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
    const { confirm } = (await repeated(60_000)).body;
    expect(confirm.id).toMatch(/^[0-9a-f]{12}$/);
    expect((await repeated(60_000)).body).toMatchObject({ repeated: true, position: 6, confirm });
    expect((await repeated(61_000)).status).toBe(422);
    await made.client.must('POST', '/v1/confirm', { id: confirm.id });
    expect((await repeated(60_000)).body).toMatchObject({ repeated: true, confirm: null });
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
    const { body } = await made.client.must<Answered>('POST', '/v1/apply?confirmWithinMs=300', wished);
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

  it('is told and confirmed on the command line', async () => {
    await using made = await stage();
    const at = ['--admin', made.address];
    const ran = await command(['apply', '-', '--confirm-within', '5m', ...at], {
      stdin: JSON.stringify(AFTER),
    });
    const id = /switchyard confirm ([0-9a-f]{12})/.exec(ran.out)?.[1] ?? '';
    expect(ran.out).toContain('undone at');
    expect((await command(['confirm', ...at])).out).toContain(`${id}  goes back to position 4 at `);
    expect(await command(['confirm', id, ...at])).toMatchObject({ code: 0, out: `${id} is confirmed\n` });
    expect((await command(['confirm', ...at])).out).toBe('nothing is on trial\n');
    expect((await command(['apply', '-', '--confirm-within', '5y', ...at], { stdin: '{}' })).code).toBe(2);
  });
});
