/** What history promises whatever happened: the past is the fold of its beginning, undone is undone, and a part tells the same. */
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openSqliteLog, poolsOf } from '../eventlog/index.ts';
import { type Change, difference, parseRouting, type Routing, routingJson } from '../src/config/index.ts';
import { undoing } from '../src/history/undo/undoing.ts';
import { deskOver, type Scene, scene } from '../test/admin/scene.ts';
import { command } from '../test/cli/command.ts';
import { eventsOf, foldNaively, stateOf } from '../test/support/history.ts';
import { tempDirectory } from '../test/support/temp-directory.ts';

const HOSTS = ['a.example', 'b.example', '*.example'];
const POOLS = ['web', 'api'];
const IDS = ['x.1', 'x.2'];

type Wish = readonly [method: 'PUT' | 'DELETE', path: string, body?: object];

const address = fc.integer({ min: 1, max: 9 }).map((port) => ({ address: `127.0.0.1:${port}` }));
const pool = fc.constantFrom(...POOLS);
const wishes: fc.Arbitrary<readonly Wish[]> = fc.array(
  fc.oneof(
    fc
      .tuple(fc.constantFrom(...HOSTS), pool, fc.integer({ min: 0, max: 2 }))
      .map(([host, to, maxInFlight]): Wish => ['PUT', `/v1/domains/${host}`, { pool: to, maxInFlight }]),
    fc.constantFrom(...HOSTS).map((host): Wish => ['DELETE', `/v1/domains/${host}`]),
    fc
      .tuple(pool, fc.constantFrom('random', 'p2c'))
      .map(([name, policy]): Wish => ['PUT', `/v1/pools/${name}`, { policy }]),
    fc
      .tuple(pool, fc.constantFrom(...IDS), address)
      .map(([name, id, body]): Wish => ['PUT', `/v1/pools/${name}/backends/${id}`, body]),
    fc
      .tuple(pool, fc.constantFrom(...IDS))
      .map(([name, id]): Wish => ['DELETE', `/v1/pools/${name}/backends/${id}`]),
    pool.map((name): Wish => ['DELETE', `/v1/pools/${name}`]),
  ),
  { minLength: 5, maxLength: 25, size: 'max' },
);
const share = fc.double({ min: 0, max: 1, noNaN: true });

/** Refused wishes are part of what happens. */
async function happened({ client }: Scene, some: readonly Wish[]): Promise<void> {
  for (const name of POOLS) await client.must('PUT', `/v1/pools/${name}`, {});
  for (const [method, path, body] of some) await client.send(method, path, body);
}

type Routed = { readonly pools: object; readonly domains: object };

async function stateAt({ client }: Scene, position: number): Promise<Routed> {
  const { pools, domains } = (await client.must<Routed>('GET', `/v1/state?at=${position}`)).body;
  return { pools, domains };
}

describe('whatever happened', () => {
  it('the state at any cut is the fold of what came before it', async () => {
    await fc.assert(
      fc.asyncProperty(wishes, share, async (some, part) => {
        await using made = await scene();
        await happened(made, some);
        const events = await eventsOf(made.client);
        const cut = Math.round(part * events.length);
        expect(await stateAt(made, cut)).toEqual(foldNaively(events.slice(0, cut)));
      }),
      { numRuns: 60 },
    );
  });

  it('a rollback makes everything as it was, once for all, and is undone by another', async () => {
    await fc.assert(
      fc.asyncProperty(wishes, share, async (some, part) => {
        await using made = await scene();
        await happened(made, some);
        const end = (await eventsOf(made.client)).length;
        const [to, now] = [Math.round(part * end), await stateOf(made.client)];
        const then = await stateAt(made, to);
        await made.client.must('POST', '/v1/rollback', { to });
        expect(await stateOf(made.client)).toEqual(then);
        expect((await made.client.must('GET', `/v1/diff?from=${to}`)).body).toMatchObject({ changes: [] });
        const again = await made.client.must('POST', '/v1/rollback', { to });
        expect(again.body).toMatchObject({ changed: 0, changes: [] });
        await made.client.must('POST', '/v1/rollback', { to: end });
        expect(await stateOf(made.client)).toEqual(now);
      }),
      { numRuns: 60 },
    );
  });

  it('an export is the same chain, and tells the same of its time elsewhere', async () => {
    await fc.assert(
      fc.asyncProperty(wishes, share, share, async (some, one, other) => {
        await using directory = await tempDirectory();
        const data = join(directory.path, 'data');
        const log = openSqliteLog({ directory: data, now: () => 1_700_000_000_000 });
        await using made = await scene({ desk: deskOver(log) }, log);
        await happened(made, some);
        const end = await log.position();
        const [from, to] = [
          1 + Math.round(Math.min(one, other) * (end - 1)),
          Math.max(1, Math.round(Math.max(one, other) * end)),
        ];
        const file = join(directory.path, 'part.db');
        expect(
          (await command(['export', file, '--from', `${from}`, '--to', `${to}`, '--data', data])).code,
        ).toBe(0);
        expect((await command(['verify', '--data', file])).out).toBe(
          to === from ? '1 event, all as written\n' : `${to - from + 1} events, all as written\n`,
        );
        const [here, there] = [data, file].map(async (place) => {
          const range = ['--from', `${from}`, '--to', `${to}`, '--data', place];
          const at = ['--at', `${to}`, '--data', place];
          const events = await command(['events', '--json', ...range]);
          return [events.out, (await command(['state', '--json', ...at])).out];
        });
        expect(await there).toEqual(await here);
      }),
      { numRuns: 25 },
    );
  });

  it('undoing one change leaves what others changed since, and no domain without its pool', () => {
    fc.assert(
      fc.property(routings, routings, routings, fc.boolean(), (before, after, later, quiet) => {
        const now = quiet ? after : later;
        const { routing, left } = undoing({ before, after, now, all: now });
        if (quiet) expect([routingJson(routing), left]).toEqual([routingJson(before), []]);
        const others = difference(after, now).map(nameOf);
        expect(
          difference(now, routing)
            .map(nameOf)
            .filter((name) => others.includes(name)),
        ).toEqual([]);
        for (const settings of routing.domains.values())
          for (const named of poolsOf(settings)) expect([...routing.pools.keys()]).toContain(named);
        // What is neither as it was before nor told was changed by others.
        const its = new Set(difference(before, after).map(nameOf));
        const missed = difference(routing, before)
          .map(nameOf)
          .filter((name) => its.has(name));
        expect(left.map((line) => line.split(' ', 2).join(' ')).toSorted()).toEqual(missed.toSorted());
      }),
      { numRuns: 3000 },
    );
  });
});

const settings = fc.record({
  backends: fc.dictionary(fc.constantFrom(...IDS), address, { maxKeys: 2 }),
  policy: fc.constantFrom('random', 'p2c'),
});

/** Such as may be applied: a domain names a pool that is there. */
const routings: fc.Arbitrary<Routing> = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...POOLS), settings, { maxKeys: 2 }),
    fc.dictionary(fc.constantFrom(...HOSTS), fc.nat(5), { maxKeys: 3 }),
  )
  .map(([pools, hosts]) => {
    const names = Object.keys(pools);
    const domains = Object.entries(hosts).flatMap(([host, at]) =>
      names.length === 0 ? [] : [[host, { pool: names[at % names.length], maxInFlight: at }] as const],
    );
    const parsed = parseRouting(
      { pools, domains: Object.fromEntries(domains) },
      { listeners: [], local: [] },
    );
    if (!parsed.ok) throw new Error(JSON.stringify(parsed));
    return parsed.value;
  });

function nameOf(change: Change): string {
  return change.kind === 'backend'
    ? `backend ${change.pool}/${change.name}`
    : `${change.kind} ${change.name}`;
}
