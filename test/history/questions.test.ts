import { describe, expect, it } from 'vitest';
import { createArena, keyOf } from '../../actors/index.ts';
import { ByteWriter, createMemoryLog, type SwitchyardEvent } from '../../eventlog/index.ts';
import { type Scene, scene } from '../admin/scene.ts';
import { command } from '../cli/command.ts';
import { Past } from './past.ts';

const BACKENDS = { 'web.1': { address: '127.0.0.1:9001' }, 'web.2': { address: '127.0.0.1:9002' } };

/** Positions: 1–3 pool web, 4 example.com, 5 web.2 drains, 6 shop.example, 7 example.com goes, 8 web.2 is back. */
async function story(): Promise<Scene> {
  const made = await scene();
  const { client, clock } = made;
  const later = () => {
    clock.ms += 60_000;
  };
  await client.must('PUT', '/v1/pools/web', { backends: BACKENDS });
  later();
  await client.must('PUT', '/v1/domains/example.com', { pool: 'web' });
  later();
  await client.must('POST', '/v1/pools/web/backends/web.2/drain', { timeoutMs: 1000 });
  later();
  await client.must('PUT', '/v1/domains/shop.example', { pool: 'web' });
  later();
  await client.must('DELETE', '/v1/domains/example.com');
  later();
  await client.must('PUT', '/v1/pools/web/backends/web.2', BACKENDS['web.2']);
  return made;
}

type Found = { readonly position: number; readonly type: string };

async function events(made: Scene, query: string): Promise<readonly Found[]> {
  const { body } = await made.client.must<string>('GET', `/v1/events?${query}`);
  return body
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Found => JSON.parse(line));
}

const positions = (found: readonly Found[]) => found.map(({ position }) => position);

describe('the difference between two moments', () => {
  it('is told of two positions, of two times, of one owner, in both directions', async () => {
    await using made = await story();
    const diff = async (query: string) =>
      (
        await made.client.must<{
          from: number;
          to: number;
          changes: { kind: string; name: string; change: string }[];
        }>('GET', `/v1/diff?${query}`)
      ).body;
    const short = async (query: string) =>
      (await diff(query)).changes.map(({ change, kind, name }) => `${change} ${kind} ${name}`);
    expect(await short('from=4')).toEqual(['remove domain example.com', 'add domain shop.example']);
    expect(await short('from=4&to=7')).toEqual([
      'change backend web.2',
      'remove domain example.com',
      'add domain shop.example',
    ]);
    expect(await short('from=7&to=4')).toContain('add domain example.com');
    expect(await short('from=4&to=7&pool=web')).toEqual(['change backend web.2']);
    expect(await short('from=4&domain=shop.example')).toEqual(['add domain shop.example']);
    expect(await short('from=0&to=0')).toEqual([]);
    const timed = await diff('from=2026-01-31T14:04:30Z&to=2026-01-31T14:06:00%2B00:00');
    expect([timed.from, timed.to]).toEqual([4, 6]);
  });

  it.each([
    ['from=9', 'from: expected a position up to 8, the end of the log, found 9'],
    ['from=1&to=yesterday', 'to: expected a position or a time'],
    ['to=1', 'from: expected a position or a time, found nothing'],
  ])('refuses %s', async (query, detail) => {
    await using made = await story();
    const { status, body } = await made.client.send<{ type: string; detail: string }>(
      'GET',
      `/v1/diff?${query}`,
    );
    expect([status, body.type]).toEqual([400, 'invalid_query']);
    expect(body.detail).toContain(detail);
  });
});

describe('the state of one owner', () => {
  it('is that of the whole state, and nothing else', async () => {
    await using made = await story();
    type State = { domains: object; pools: object };
    const all = (await made.client.must<State>('GET', '/v1/state?at=6')).body;
    const one = (await made.client.must<State>('GET', '/v1/state?at=6&domain=example.com')).body;
    expect(one).toEqual({ ...all, pools: {}, domains: { 'example.com': { pool: 'web' } }, notes: [] });
    const pool = (await made.client.must<State>('GET', '/v1/state?at=6&pool=web')).body;
    expect(pool).toEqual({ ...all, domains: {} });
  });
});

describe('lines', () => {
  it('are the state or the difference, an entry each, in the order of the one value', async () => {
    await using made = await story();
    const { address } = made;
    const lines = async (target: string) => {
      const reply = await fetch(`http://${address}${target}`, {
        headers: { accept: 'application/x-ndjson' },
      });
      expect(reply.headers.get('content-type')).toBe('application/x-ndjson');
      return (await reply.text())
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    };
    expect(await lines('/v1/state?at=6')).toEqual([
      { position: 6 },
      { pool: 'web', settings: { backends: { ...BACKENDS, 'web.2': expect.anything() } } },
      { domain: 'example.com', settings: { pool: 'web' } },
      { domain: 'shop.example', settings: { pool: 'web' } },
      { note: { pool: 'web', backend: 'web.2', drainUntilMs: expect.any(Number) } },
    ]);
    expect(await lines('/v1/state?at=0')).toEqual([{ position: 0 }]);
    const { from, to, changes } = (
      await made.client.must<{ from: number; to: number; changes: object[] }>('GET', '/v1/diff?from=4&to=7')
    ).body;
    expect(await lines('/v1/diff?from=4&to=7')).toEqual([{ from, to }, ...changes]);
  });
});

describe('a search of events', () => {
  it('finds by pattern, type, author, stream and time, forwards and backwards', async () => {
    await using made = await story();
    expect(positions(await events(made, 'grep=SHOP%5C.example'))).toEqual([6]);
    expect(positions(await events(made, 'type=DomainCreated'))).toEqual([4, 6]);
    expect(positions(await events(made, 'type=DomainCreated&reverse=true'))).toEqual([6, 4]);
    expect(positions(await events(made, 'author=nobody'))).toEqual([]);
    expect(positions(await events(made, 'reverse=true&limit=3'))).toEqual([8, 7, 6]);
    expect(positions(await events(made, 'reverse=true&stream=domain-example.com'))).toEqual([7, 4]);
    expect(positions(await events(made, 'stream=pool-web&since=5'))).toEqual([5, 8]);
    expect(positions(await events(made, 'since=7&until=99'))).toEqual([7, 8]);
    expect(positions(await events(made, 'since=9&until=99'))).toEqual([]);
    expect(positions(await events(made, 'since=2026-01-31T14:05:00Z&until=2026-01-31T14:06:00Z'))).toEqual([
      5, 6,
    ]);
  });

  it('finds what made a backend unavailable, and available again', async () => {
    await using made = await story();
    const found = (query: string) => events(made, `backend=web/web.2&${query}`);
    expect(positions(await found('made=unavailable&reverse=true&limit=1'))).toEqual([5]);
    expect(positions(await found('made=available'))).toEqual([3, 8]);
    expect(positions(await found('made=unavailable&since=6'))).toEqual([]);
  });

  it('counts what the router found out by itself: failing probes, ejections, quarantines', async () => {
    await using log = createMemoryLog({ now: () => 1000 });
    const past = new Past(log);
    const active = { path: '/', intervalMs: 1000 };
    await past.happen([
      'pool-web',
      { type: 'PoolCreated', data: { settings: { health: { active } } } },
    ] as never);
    const happen = (type: string, data: object) =>
      past.happen(['pool-web', { type, data: { id: 'web.1', ...data } }] as never);
    const health = (probes: string, ejections: object[] = []) =>
      happen('BackendHealthChanged', { probes, ejections, withheld: [] });
    await happen('BackendAdded', { backend: BACKENDS['web.1'] });
    await health('failing');
    await health('passing');
    await health('passing', [{ route: 'example.com /api', untilMs: 9000, level: 1 }]);
    await health('passing', [{ route: '', untilMs: 9000, level: 1 }]);
    await health('passing');
    await happen('BackendQuarantined', { cause: 'connect_refused', untilMs: 9000 });
    const made = await scene({}, log);
    const found = async (what: string) => positions(await events(made, `backend=web/web.1&made=${what}`));
    expect(await found('unavailable')).toEqual([3, 6, 8]);
    expect(await found('available')).toEqual([2, 4, 7]);
    await made[Symbol.asyncDispose]();
  });

  it('counts an ejection from the first to the trial that ended it, though its time was over in between', async () => {
    let nowMs = 1000;
    await using log = createMemoryLog({ now: () => nowMs });
    const past = new Past(log);
    const happen = (type: string, data: object) => past.happen(['pool-web', { type, data }] as never);
    const ejected = (...ejections: object[]) =>
      happen('BackendHealthChanged', { id: 'web.1', probes: 'passing', ejections, withheld: [] });
    await happen('PoolCreated', { settings: {} });
    await happen('BackendAdded', { id: 'web.1', backend: BACKENDS['web.1'] });
    await ejected({ route: '', untilMs: 6000, level: 1 });
    nowMs = 6100;
    await ejected({ route: '', untilMs: 16_100, level: 2 });
    nowMs = 16_200;
    await ejected();
    const made = await scene({}, log);
    const found = async (what: string) => positions(await events(made, `backend=web/web.1&made=${what}`));
    expect(await found('unavailable')).toEqual([3]);
    expect(await found('available')).toEqual([2, 5]);
    await made[Symbol.asyncDispose]();
  });

  it.each([
    'grep=(',
    'type=Domainchanged',
    'made=unavailable',
    'backend=web/web.2&made=broken',
    'backend=web&made=available',
    'until=yesterday',
    'since=1&from=1',
    'grep=a&follow=true',
  ])('refuses %s', async (query) => {
    await using made = await story();
    const { status, body } = await made.client.send<{ type: string }>('GET', `/v1/events?${query}`);
    expect([status, body.type]).toEqual([400, 'invalid_query']);
  });
});

describe('where a request would go', () => {
  it.each([
    ['no backend', {}, {}, 'the pool has no backends: H14'],
    ['one that starts', {}, { state: 'starting' }, 'no backend is up; some are starting: H20'],
    ['one that starts, and is waited for', { whenEmpty: 'hold' }, { state: 'starting' }, 'it would wait'],
    ['one that drains, and nobody may wait', { queue: { maxWaiting: 0 } }, { state: 'draining' }, 'H11'],
  ])(
    'is nowhere where the pool has %s, in the words of the ledger',
    async (_title, settings, backend, why) => {
      await using made = await scene();
      const isThere = Object.keys(backend).length > 0;
      const backends = isThere ? { 'web.1': { ...BACKENDS['web.1'], ...backend } } : {};
      await made.client.must('PUT', '/v1/pools/web', { ...settings, backends });
      await made.client.must('PUT', '/v1/domains/example.com', { pool: 'web' });
      const { body } = await made.client.must<{ backend: null; why: string }>('POST', '/v1/explain', {
        host: 'example.com',
      });
      expect(body.backend).toBeNull();
      expect(body.why).toContain(why);
    },
  );

  it('says how long a backend is out where that ends by itself, and whose trial it is', async () => {
    const nowMs = Date.parse('2026-01-31T14:03:00Z');
    await using log = createMemoryLog({ now: () => nowMs });
    const past = new Past(log);
    const routes = [{ match: { pathPrefix: '/api' }, pool: 'web' }];
    const [web, untilMs] = ['pool-web', nowMs + 9000];
    const added = (id: string, backend: object) =>
      [web, { type: 'BackendAdded', data: { id, backend: { ...BACKENDS['web.1'], ...backend } } }] as const;
    const ejected = (id: string, route: string, until: number) => {
      const ejections = [{ route, untilMs: until, level: 1 }];
      return [
        web,
        { type: 'BackendHealthChanged', data: { id, probes: 'passing', ejections, withheld: [] } },
      ] as const;
    };
    const cause = 'connect_refused';
    const happened = [
      [web, { type: 'PoolCreated', data: { settings: {} } }],
      ...['out', 'tried', 'well', 'fine'].map((id) => added(id, {})),
      added('drained', { state: 'draining' }),
      [web, { type: 'BackendQuarantined', data: { id: 'drained', cause, untilMs } }],
      ejected('out', '', untilMs),
      ejected('tried', 'example.com#/api', nowMs - 1),
      ['domain-example.com', { type: 'DomainCreated', data: { settings: { pool: 'web', routes } } }],
    ];
    await past.happen(...(happened as unknown as readonly (readonly [string, SwitchyardEvent])[]));
    await using made = await scene({}, log);
    const explain = async (body: object) =>
      (
        await made.client.must<{
          why: string;
          whyNot: string;
          sight: { candidates: { backend: string; until: string | null; isTrial: boolean }[] };
        }>('POST', '/v1/explain', { host: 'example.com', ...body })
      ).body;
    const own = await explain({ path: '/', whyNot: 'out' });
    expect(own.whyNot).toBe('out is unavailable: ejected, until 2026-01-31T14:03:09.000Z');
    expect(own.why).not.toContain('trial');
    expect(own.sight.candidates.filter(({ isTrial }) => isTrial)).toEqual([]);
    expect((await explain({ path: '/', whyNot: 'drained' })).whyNot).toBe('drained is unavailable: draining');
    expect((await explain({ path: '/api' })).why).toContain('tried was ejected, its time is over');
    expect((await explain({ path: '/api', whyNot: 'well' })).whyNot).toBe(
      'well is available too: tried was ejected, its time is over, and this request is its trial; 2 unavailable (1 draining, 1 ejected)',
    );
  });

  it('says why it is not another one where none is picked at all', async () => {
    await using made = await scene();
    await made.client.must('PUT', '/v1/pools/web', { backends: BACKENDS });
    const routes = [{ match: { pathPrefix: '/old' }, redirect: { location: '/new' } }];
    await made.client.must('PUT', '/v1/domains/example.com', { pool: 'web', routes });
    const whyNot = async (path: string) => {
      const wish = { host: 'example.com', path, whyNot: 'web.1' };
      return (await made.client.must<{ whyNot: string }>('POST', '/v1/explain', wish)).body.whyNot;
    };
    expect(await whyNot('/old')).toBe('no backend is picked: route 0 redirects it');
    await made.client.must('PUT', '/v1/domains/example.com', { pool: 'web', maintenance: true });
    expect(await whyNot('/')).toBe(
      'web.1 is available, but no backend is picked: example.com is in maintenance: H80',
    );
  });

  it('does not say that the least wins where it was not drawn', async () => {
    const [web, ids] = [keyOf('web'), ['idle', 'busy', 'busier']];
    const arena = createArena({ threads: 1, ring() {}, record: false });
    const rows = ids.map(
      (id) => ({ backendKey: keyOf(id), limit: 0, weight: 1, state: 'up', quarantineUntilMs: 0 }) as const,
    );
    // A seed by which chance names the two that are not idle.
    const pool = { policy: 'p2c', maxWaiting: 1, whenEmpty: 'refuse', seed: 5 } as const;
    await arena.define(web, pool, rows, 'widen', { position: 1, nowMs: 0 });
    for (const tried of [
      ['idle', 'busier'],
      ['idle', 'busy'],
      ['idle', 'busy'],
    ])
      arena.pool(web)!.checkout(0, tried.map(keyOf), { place: 0, granted() {}, refused() {} });
    const packed = new ByteWriter();
    arena.checkpoint(web, packed);
    await using made = await scene({ checkpoint: () => packed.written() });
    const backends = Object.fromEntries(ids.map((id) => [id, BACKENDS['web.1']]));
    await made.client.must('PUT', '/v1/pools/web', { policy: 'p2c', backends });
    await made.client.must('PUT', '/v1/domains/example.com', { pool: 'web' });
    const { body } = await made.client.must<{ backend: string; whyNot: string }>('POST', '/v1/explain', {
      host: 'example.com',
      whyNot: 'idle',
    });
    expect(body.backend).toBe('busy');
    expect(body.whyNot).toBe(
      'idle has score 0, busy has 1, but idle was not drawn (requests in flight ÷ weight, of the two drawn)',
    );
  });
});

describe('a rollback', () => {
  it('shows what it would do, does that, and is nothing when it is done again', async () => {
    await using made = await story();
    const shown = (await made.client.must('POST', '/v1/rollback', { to: 4, dryRun: true })).body;
    expect(shown).toMatchObject({ dryRun: true, to: 4, position: 8, changes: { length: 2 } });
    const done = (await made.client.must('POST', '/v1/rollback', { to: 4 })).body;
    expect(done).toMatchObject({ dryRun: false, to: 4, position: 10, changed: 2 });
    expect((await made.client.must('GET', '/v1/diff?from=4')).body).toMatchObject({ changes: [] });
    expect((await made.client.must('POST', '/v1/rollback', { to: 4 })).body).toMatchObject({
      position: 10,
      changed: 0,
    });
    expect(positions(await events(made, 'from=9'))).toEqual([9, 10]);
  });

  it('undoes the past of one owner alone', async () => {
    await using made = await story();
    await made.client.must('POST', '/v1/rollback', { to: '2026-01-31T14:05:00Z', domain: 'example.com' });
    const { body } = await made.client.must<{ domains: object }>('GET', '/v1/state');
    expect(Object.keys(body.domains)).toEqual(['example.com', 'shop.example']);
  });

  it('does nothing where something changed since it was shown, and says what', async () => {
    await using made = await story();
    await made.client.must('PUT', '/v1/domains/late.example', { pool: 'web' });
    const refused = await made.client.send<{ type: string; won: readonly Found[] }>('POST', '/v1/rollback', {
      to: 4,
      seen: 8,
    });
    expect([refused.status, refused.body.type]).toEqual([412, 'version_mismatch']);
    expect(positions(refused.body.won)).toEqual([9]);
    // Of one owner, what happened to others is no conflict.
    await made.client.must('POST', '/v1/rollback', { to: 4, seen: 8, domain: 'shop.example' });
  });

  it('is refused where what it restores needs what is gone', async () => {
    await using made = await story();
    await made.client.must('DELETE', '/v1/domains/shop.example');
    await made.client.must('DELETE', '/v1/pools/web');
    const refused = await made.client.send<{ type: string }>('POST', '/v1/rollback', {
      to: 4,
      domain: 'example.com',
    });
    expect([refused.status, refused.body.type]).toEqual([409, 'pool_unknown']);
    await made.client.must('POST', '/v1/rollback', { to: 4 });
    expect((await made.client.must('GET', '/v1/diff?from=4')).body).toMatchObject({ changes: [] });
  });
});

describe('what a rollback wishes', () => {
  it('stands in the query or in the body, and nothing of it in both', async () => {
    await using made = await story();
    for (const [query, body] of [
      ['to=4', { to: 6, dryRun: true }],
      ['to=4&dryRun=true', { dryRun: false }],
      ['to=4&pool=web', { pool: 'api', dryRun: true }],
      ['seen=8&to=4', { seen: 8 }],
    ] as const) {
      const { status, body: refused } = await made.client.send<{ type: string; detail: string }>(
        'POST',
        `/v1/rollback?${query}`,
        body,
      );
      expect([status, refused.type]).toEqual([400, 'invalid_query']);
      expect(refused.detail).toMatch(/^expected \w+ once, found it in the query and in the body$/);
    }
    const split = await made.client.must('POST', '/v1/rollback?to=4&dryRun=true', { pool: 'web' });
    expect(split.body).toMatchObject({ dryRun: true, to: 4 });
  });
});

describe('the undoing of one change', () => {
  it('undoes what that command did, from any of its positions, and nothing that came after it', async () => {
    await using made = await story();
    const pools = { web: { backends: BACKENDS }, api: {} };
    const domains = { 'example.com': { pool: 'api' }, 'new.example': { pool: 'web' } };
    // Positions 9 to 12: pool api comes, example.com comes again, new.example comes, shop.example goes.
    await made.client.must('POST', '/v1/apply', { pools, domains });
    await made.client.must('PUT', '/v1/domains/late.example', { pool: 'web' });
    await made.client.must('PUT', '/v1/domains/new.example', { pool: 'web', maxInFlight: 7 });
    for (const position of [9, 10, 12]) {
      const shown = await made.client.must('POST', '/v1/rollback', { change: position, dryRun: true });
      expect(shown.body).toMatchObject({
        dryRun: true,
        change: { from: 9, to: 12 },
        position: 14,
        refused: null,
      });
    }
    const ran = await command(['rollback', '--change', '11', '--admin', made.address]);
    expect([ran.code, ran.err]).toEqual([0, 'switchyard: stays: domain new.example was changed since\n']);
    expect(ran.out).toContain('undone: position 9 to 12; in force at position 17\n');
    const { body } = await made.client.must<{ pools: object; domains: object }>('GET', '/v1/state');
    expect(Object.keys(body.pools)).toEqual(['web']);
    expect(body.domains).toEqual({
      'late.example': { pool: 'web' },
      'new.example': { pool: 'web', maxInFlight: 7 },
      'shop.example': { pool: 'web' },
    });
    const again = await made.client.must('POST', '/v1/rollback', { change: 11 });
    expect(again.body).toMatchObject({
      changed: 0,
      changes: [],
      left: ['domain new.example was changed since'],
    });
  });

  it('is refused where there is no such change, where both are asked, and where what was shown is no longer so', async () => {
    await using made = await story();
    const detail = async (body: object) =>
      (await made.client.send<{ detail: string }>('POST', '/v1/rollback', body)).body.detail;
    expect(await detail({ change: 9 })).toBe(
      'change: expected a position up to 8, the end of the log, found 9',
    );
    expect(await detail({ change: 3, to: 4 })).toContain('found both');
    expect(await detail({})).toContain('found neither');
    expect(await detail({ change: 7, domain: 'shop.example' })).toBe(
      'change: expected a change of settings at position 7, found none',
    );
    await made.client.must('PUT', '/v1/domains/example.com', { pool: 'web' });
    expect(await detail({ change: 7, seen: 8 })).toContain('expected routing as it was at position 8');
    await made.client.must('PUT', '/v1/domains/other.example', { pool: 'web' });
    await made.client.must('POST', '/v1/rollback', { change: 6, seen: 9 });
    expect((await command(['rollback', '--admin', made.address])).code).toBe(2);
  });
});

describe('a rollback that may be a mistake', () => {
  it('to the midst of a change, which was never in force, is refused with what is before and after it', async () => {
    await using made = await story();
    const sent = async (body: object) =>
      (await made.client.send<{ detail?: string }>('POST', '/v1/rollback', body)).body.detail;
    const midst = (at: number) =>
      `to: expected a position between changes, found ${at} in the midst of one: 0 is before it, 3 after it`;
    expect(await sent({ to: 1 })).toBe(midst(1));
    expect(await sent({ to: 2, pool: 'web', dryRun: true })).toBe(midst(2));
    expect(await sent({ to: 3 })).toBeUndefined();
  });

  it.each([
    ['to a position', { to: 3 }],
    ['of one change', { change: 4 }],
  ])('%s removes ten unasked, and eleven only when allowed', async (_title, what) => {
    await using made = await scene();
    const backends = Object.fromEntries(
      Array.from({ length: 11 }, (_, at) => [`new.${at}`, { address: `127.0.0.1:${9003 + at}` }]),
    );
    await made.client.must('PUT', '/v1/pools/web', { backends: BACKENDS });
    await made.client.must('PUT', '/v1/pools/web', { backends: { ...BACKENDS, ...backends } });
    const detail =
      'expected at most 10 of 13 backends to be removed, found 11; --allow-removals 11 allows it';
    const refused = { type: 'too_many_removals', detail };
    expect((await made.client.must('POST', '/v1/rollback', { ...what, dryRun: true })).body).toMatchObject({
      refused: { type: 'too_many_removals' },
    });
    for (const allowRemovals of [undefined, 10]) {
      const sent = await made.client.send('POST', '/v1/rollback', { ...what, allowRemovals });
      expect(sent).toMatchObject({ status: 409, body: refused });
    }
    const words = Object.entries(what).flatMap(([key, value]) => [`--${key}`, String(value)]);
    const at = ['--admin', made.address];
    expect((await command(['rollback', ...words, ...at])).err).toContain('--allow-removals 11 allows it');
    expect((await command(['rollback', ...words, '--allow-removals', '11', ...at])).code).toBe(0);
    expect(Object.keys((await made.client.get<{ backends: object }>('/v1/pools/web')).body.backends)).toEqual(
      Object.keys(BACKENDS),
    );
  });
});

describe('a rollback that brings back', () => {
  it('is asked no leave, however much it is', async () => {
    await using made = await scene();
    const hosts = Array.from({ length: 12 }, (_, at) => [`d${at}.example`, { pool: 'web' }] as const);
    const wish = { pools: { web: {} }, domains: Object.fromEntries(hosts) };
    await made.client.must('POST', '/v1/apply', wish);
    await made.client.must('POST', '/v1/apply?allowRemovals=12', { ...wish, domains: {} });
    expect((await made.client.must('POST', '/v1/rollback', { to: 13 })).body).toMatchObject({ changed: 12 });
  });
});

describe('a rollback that is only shown', () => {
  it('says what would be said against it', async () => {
    await using made = await story();
    const shown = await made.client.must('POST', '/v1/rollback', { to: 0, pool: 'web', dryRun: true });
    expect(shown.body).toMatchObject({
      refused: { type: 'pool_in_use', detail: 'pool web serves shop.example' },
    });
    const ran = await command([
      'rollback',
      '--to',
      '0',
      '--pool',
      'web',
      '--dry-run',
      '--admin',
      made.address,
    ]);
    expect([ran.code, ran.err]).toEqual([1, 'switchyard: would be refused: pool web serves shop.example\n']);
    const fine = await made.client.must('POST', '/v1/rollback', { to: 4, dryRun: true });
    expect(fine.body).toMatchObject({ refused: null });
  });

  it('knows no domain that never was, and no time before the log', async () => {
    await using made = await story();
    const asked = async (body: object) =>
      (await made.client.send<{ type: string; detail: string }>('POST', '/v1/rollback', body)).body;
    expect(await asked({ to: 4, domain: 'exmaple.com', dryRun: true })).toMatchObject({
      type: 'domain_not_found',
      detail: 'there is no domain exmaple.com, neither at position 4 nor now, at 8',
    });
    expect(await asked({ to: 4, pool: 'wbe', dryRun: true })).toMatchObject({ type: 'pool_not_found' });
    const early = 'to: expected a time since the log began, found one before it';
    for (const dryRun of [true, false])
      expect(await asked({ to: '2025-01-31T14:03:00Z', dryRun })).toMatchObject({ detail: early });
  });
});

describe('the command line', () => {
  it('says that no event is such', async () => {
    await using made = await story();
    const ran = await command(['events', '--author', 'nobody', '--admin', made.address]);
    expect([ran.code, ran.out, ran.err]).toEqual([0, '', 'switchyard: no event matches\n']);
  });

  it('finds a removal by bisection, by a question and by a command, and undoes it', async () => {
    await using made = await story();
    const at = ['--admin', made.address];
    const range = ['--good', '4', '--bad', '8', ...at];
    const byQuestion = await command(['bisect', ...range, '--exists', 'domain:example.com', '--json']);
    expect(JSON.parse(byQuestion.out)).toEqual({ first: 7, last: 7 });
    const byHost = await command(['bisect', ...range, '--host', 'example.com', '--routed-to', 'web/web.1']);
    expect(byHost.out).toContain('7  2026-01-31T14:07:00.000Z  domain-example.com/2  DomainRemoved');
    const script =
      "let t='';process.stdin.on('data',(d)=>{t+=d}).on('end',()=>process.exit('example.com' in JSON.parse(t).domains?0:1))";
    const byCommand = await command(['bisect', ...range, '--json', '--', process.execPath, '-e', script]);
    expect([byCommand.err, JSON.parse(byCommand.out)]).toEqual(['', { first: 7, last: 7 }]);

    const undone = await command(['rollback', '--to', '6', '--domain', 'example.com', ...at]);
    expect(undone.out).toContain('+ domain example.com');
    expect(undone.out).toContain('restored to position 6; in force at position 9');
    const diff = await command(['diff', '6', '--domain', 'example.com', ...at]);
    expect(diff.out).toBe('# position 6 to 9\nno difference\n');
  });

  it('never judges a state in the midst of a command', async () => {
    await using made = await scene();
    const body = { pools: { web: { backends: BACKENDS } }, domains: { 'a.example': { pool: 'web' } } };
    await made.client.must('POST', '/v1/apply', body);
    await made.client.must('POST', '/v1/apply', { pools: {}, domains: {} });
    const found = await command([
      'bisect',
      '--good',
      '4',
      '--bad',
      '6',
      '--exists',
      'domain:a.example',
      '--json',
      '--admin',
      made.address,
    ]);
    expect(JSON.parse(found.out)).toEqual({ first: 5, last: 6 });
  });

  it.each([
    [['--good', '8', '--bad', '4'], '--good: expected it to be good at position 8, found it bad'],
    [['--good', '4', '--bad', '6'], '--bad: expected it to be bad at position 6, found it good'],
  ])('says what a bisection %j was told wrong', async (range, message) => {
    await using made = await story();
    const ran = await command([
      'bisect',
      ...range,
      '--exists',
      'domain:example.com',
      '--admin',
      made.address,
    ]);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(message);
  });

  it('prints the last event that took a backend from requests', async () => {
    await using made = await story();
    const ran = await command([
      'events',
      '--last',
      '1',
      '--backend',
      'web/web.2',
      '--made',
      'unavailable',
      '--admin',
      made.address,
    ]);
    expect(ran.out).toMatch(/^5 .* BackendDrainStarted .*\n$/);
  });
});
