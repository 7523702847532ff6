/** What every adapter of the event log promises, as facts about a fresh log that `open` gives. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Append, EventLog, Recorded, StreamName, SwitchyardEvent } from '../../eventlog/index.ts';
import {
  append,
  backendAdded,
  domainChanged,
  domainCreated,
  domainOf,
  domainRemoved,
  domainState,
  EXAMPLE,
  poolCreated,
  poolOf,
  WEB,
  write,
} from '../eventlog/appends.ts';

export type OpenLog = (options: { readonly now: () => number }) => EventLog | Promise<EventLog>;

export function eventLogContract(adapter: string, open: OpenLog): void {
  describe(`the event log's contract, kept by ${adapter}`, () => {
    let log: EventLog;
    let nowMs = 1_700_000_000_000;

    beforeEach(async () => {
      nowMs = 1_700_000_000_000;
      log = await open({ now: () => nowMs });
    });
    afterEach(() => log.close());

    async function appended(wish: Append) {
      const result = await log.append(wish);
      if (result.type !== 'appended') expect.fail(`expected it appended, found ${JSON.stringify(result)}`);
      return result;
    }

    describe('append', () => {
      it('counts positions through the whole log and versions through each stream', async () => {
        await appended(append([write(WEB, 0, [poolCreated(), backendAdded('web.1')])]));
        const { position, events } = await appended(append([write(EXAMPLE, 0, [domainCreated()])]));
        expect(position).toBe(3);
        expect(events.map(place)).toEqual([[3, EXAMPLE, 1]]);
        expect((await log.read()).map(place)).toEqual([
          [1, WEB, 1],
          [2, WEB, 2],
          [3, EXAMPLE, 1],
        ]);
        expect([await log.position(), await log.version(WEB), await log.version(EXAMPLE)]).toEqual([3, 2, 1]);
        expect(await log.archived()).toBe(0);
      });

      it('records who asked, under which id, because of what, and when', async () => {
        const first = await appended(append([write(WEB, 0, [poolCreated(7)])], { author: 'ann' }));
        nowMs += 5;
        const wish = append([write(WEB, 1, [backendAdded('web.1')])], {
          commandId: 'add-1',
          author: 'bob',
          causation: 1,
        });
        const second = await appended(wish);
        expect(first.events[0]).toMatchObject({
          type: 'PoolCreated',
          data: { settings: { maxConcurrency: 7 } },
          recordedAtMs: 1_700_000_000_000,
          metadata: { author: 'ann' },
        });
        expect(first.events[0]?.metadata).not.toHaveProperty('causation');
        expect(second.events[0]).toMatchObject({
          recordedAtMs: 1_700_000_000_005,
          metadata: { commandId: 'add-1', author: 'bob', causation: 1 },
        });
      });

      it('gives back exactly what reading gives', async () => {
        const { events } = await appended(append([write(WEB, 0, [poolCreated(), backendAdded('web.1')])]));
        expect(await log.read()).toEqual(events);
        expect(await log.readStream(WEB)).toEqual(events);
      });

      it('keeps what was said, not the object it was said with', async () => {
        const settings: { maxConcurrency: number } = { maxConcurrency: 1 };
        const pending = log.append(append([write(WEB, 0, [{ type: 'PoolCreated', data: { settings } }])]));
        settings.maxConcurrency = 2;
        await pending;
        expect((await log.read())[0]?.data).toEqual({ settings: { maxConcurrency: 1 } });
      });

      it('writes several streams together, or none of them where one has moved', async () => {
        await appended(append([write(WEB, 0, [poolCreated()])]));
        const halfWrong = append([write(EXAMPLE, 0, [domainCreated()]), write(WEB, 0, [poolCreated()])]);
        expect(await log.append(halfWrong)).toMatchObject({
          type: 'conflict',
          stream: WEB,
          expected: 0,
          found: 1,
        });
        expect(await log.version(EXAMPLE)).toBe(0);
        expect(await log.current(EXAMPLE)).toBeUndefined();
        const right = append([write(EXAMPLE, 0, [domainCreated()]), write(WEB, 1, [backendAdded('web.1')])]);
        expect((await appended(right)).events.map(place)).toEqual([
          [2, EXAMPLE, 1],
          [3, WEB, 2],
        ]);
      });

      it('shows which events won a conflict, at most 100 of them', async () => {
        const many = Array.from({ length: 130 }, (_, index) => domainChanged(`pool${index}`));
        await appended(append([write(EXAMPLE, 0, [domainCreated(), ...many])]));
        const conflict = await log.append(append([write(EXAMPLE, 1, [domainRemoved()])]));
        if (conflict.type !== 'conflict') expect.fail('expected a conflict');
        expect(conflict.won).toEqual(await log.readStream(EXAMPLE, { from: 2, limit: 100 }));
      });

      it('finds a conflict also where the writer knows of a version that is not there yet', async () => {
        const conflict = await log.append(append([write(WEB, 4, [poolCreated()])]));
        expect(conflict).toEqual({ type: 'conflict', stream: WEB, expected: 4, found: 0, won: [] });
      });

      it('lets a write without events guard a stream that must not have moved', async () => {
        await appended(append([write(WEB, 0, [poolCreated()], { pool: 'as it is' })]));
        const guarded = append([write(WEB, 1, [], null), write(EXAMPLE, 0, [domainCreated()])]);
        expect((await appended(guarded)).position).toBe(2);
        expect(await log.current(WEB)).toEqual({ stream: WEB, version: 1, state: { pool: 'as it is' } });
        const late = append([write(WEB, 0, []), write(domainOf('b.example'), 0, [domainCreated()])]);
        expect(await log.append(late)).toMatchObject({ type: 'conflict', stream: WEB });
        expect(await log.version(domainOf('b.example'))).toBe(0);
      });

      it('never records a time before the last one, whatever the clock does', async () => {
        await appended(append([write(WEB, 0, [poolCreated()])]));
        nowMs -= 60_000;
        const { events } = await appended(append([write(WEB, 1, [backendAdded('web.1')])]));
        expect(events[0]?.recordedAtMs).toBe(1_700_000_000_000);
      });

      it('records whole milliseconds of a finer clock', async () => {
        nowMs += 0.75;
        const { events } = await appended(append([write(WEB, 0, [poolCreated()])]));
        expect(events[0]?.recordedAtMs).toBe(1_700_000_000_000);
      });
    });

    describe('a command id', () => {
      it('gets its first answer again, and nothing is written', async () => {
        const wish = append([write(WEB, 0, [poolCreated()])], { answer: { created: true } });
        await appended(wish);
        await appended(append([write(EXAMPLE, 0, [domainCreated()])]));
        expect(await log.append(wish)).toEqual({ type: 'repeated', position: 1, answer: { created: true } });
        expect(await log.position()).toBe(2);
      });

      it('is told from one that was used for something else', async () => {
        const wish = append([write(WEB, 0, [poolCreated()])]);
        await appended(wish);
        const other = { ...wish, digest: 'of something else' };
        expect(await log.append(other)).toEqual({ type: 'reused', commandId: wish.commandId });
      });

      it('is remembered also where the command changed nothing', async () => {
        const idle = append([], { answer: 'nothing to do' });
        expect(await log.append(idle)).toEqual({ type: 'appended', position: 0, events: [] });
        expect(await log.append(idle)).toEqual({ type: 'repeated', position: 0, answer: 'nothing to do' });
      });

      it('is free again after a conflict', async () => {
        const wish = append([write(WEB, 1, [backendAdded('web.1')])]);
        expect(await log.append(wish)).toMatchObject({ type: 'conflict' });
        expect(await log.answered(wish.commandId)).toBeUndefined();
        await appended(append([write(WEB, 0, [poolCreated()])]));
        await appended(wish);
      });

      it('can be asked for its answer without asking again', async () => {
        const wish = append([write(WEB, 0, [poolCreated()])], { answer: [1, 'two', null] });
        expect(await log.answered(wish.commandId)).toBeUndefined();
        await appended(wish);
        expect(await log.answered(wish.commandId)).toEqual({
          digest: wish.digest,
          position: 1,
          answer: [1, 'two', null],
        });
      });

      it('is found by what its id begins with, in order of ids', async () => {
        const ids = ['trial:b', 'trial', 'trial:a', 'trial;'];
        for (const commandId of ids) await log.append(append([], { commandId, answer: commandId }));
        expect(await log.commands('trial:')).toEqual([
          { commandId: 'trial:a', position: 0, answer: 'trial:a' },
          { commandId: 'trial:b', position: 0, answer: 'trial:b' },
        ]);
        expect(await log.commands('trail')).toEqual([]);
      });

      it('is found however many begin alike', async () => {
        const ids = Array.from({ length: 2000 }, (_, index) => `trial:${1000 + index}`);
        await Promise.all(ids.map((commandId) => log.append(append([], { commandId }))));
        expect((await log.commands('trial:')).map(({ commandId }) => commandId)).toEqual(ids);
      });
    });

    describe('appends of the same turn', () => {
      it('are written in the order of the calls, each seeing the former ones', async () => {
        const wishes = Array.from({ length: 50 }, (_, index) =>
          append([write(EXAMPLE, index, [index === 0 ? domainCreated() : domainChanged(`pool${index}`)])]),
        );
        const results = await Promise.all(wishes.map((wish) => log.append(wish)));
        expect(results.map((result) => result.type === 'appended' && result.position)).toEqual(
          wishes.map((_, index) => index + 1),
        );
      });

      it('are not disturbed by one among them that is refused', async () => {
        const repeated = append([write(WEB, 0, [poolCreated()])]);
        const results = await Promise.all([
          log.append(repeated),
          log.append(append([write(WEB, 0, [poolCreated()])])),
          log.append(repeated),
          log.append({ ...repeated, digest: 'another' }),
          log.append(append([write(WEB, 1, [backendAdded('web.1')])])),
        ]);
        expect(results.map(({ type }) => type)).toEqual([
          'appended',
          'conflict',
          'repeated',
          'reused',
          'appended',
        ]);
        expect(await log.position()).toBe(2);
      });

      it('are not disturbed by one among them that is no append', async () => {
        const results = await Promise.allSettled([
          log.append(append([write(WEB, 0, [poolCreated()])])),
          log.append(append([write(EXAMPLE, 0, [poolCreated()])])),
          log.append(append([write(EXAMPLE, 0, [domainCreated()])])),
        ]);
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      });
    });

    describe('what is no append', () => {
      const event = poolCreated();
      const cases: readonly [string, () => Append][] = [
        [
          'an event with an unknown key',
          () => append([write(WEB, 0, [{ ...event, data: { ...event.data, extra: 1 } } as never])]),
        ],
        ['a setting out of bounds', () => append([write(WEB, 0, [poolCreated(0)])])],
        ['a setting of another type', () => append([write(WEB, 0, [poolCreated('7' as never)])])],
        [
          'a backend without an address',
          () => append([write(WEB, 0, [backendAdded('b', undefined as never), backendAdded('b', '')])]),
        ],
        [
          'a domain without a pool',
          () => append([write(EXAMPLE, 0, [{ type: 'DomainCreated', data: { settings: {} } } as never])]),
        ],
        ['an unknown event', () => append([write(WEB, 0, [{ type: 'PoolPainted', data: {} } as never])])],
        [
          'an event named like a member of every object',
          () => append([write(WEB, 0, [{ type: 'constructor', data: {} } as never])]),
        ],
        ["an event of the other kind of owner's", () => append([write(WEB, 0, [domainCreated()])])],
        ['a stream that is none', () => append([write('web' as never, 0, [poolCreated()])])],
        ['a host in upper case', () => append([write(domainOf('Example.com'), 0, [domainCreated()])])],
        [
          'two writes to one stream',
          () => append([write(WEB, 0, [event]), write(WEB, 1, [backendAdded('b')])]),
        ],
        ['a version below zero', () => append([write(WEB, -1, [event])])],
        ['half a version', () => append([write(WEB, 0.5, [event])])],
        ['an empty command id', () => append([write(WEB, 0, [event])], { commandId: '' })],
        [
          'a command id of 201 characters',
          () => append([write(WEB, 0, [event])], { commandId: 'x'.repeat(201) }),
        ],
        ['a command id that is no text', () => append([write(WEB, 0, [event])], { commandId: '\ud800' })],
        ['an answer that JSON cannot say', () => append([write(WEB, 0, [event])], { answer: Number.NaN })],
        ['a state that JSON cannot say', () => append([write(WEB, 0, [event], new Map() as never)])],
        ['a digest without an end', () => append([write(WEB, 0, [event])], { digest: 'x'.repeat(1025) })],
        ['nobody who asked', () => append([write(WEB, 0, [event])], { author: '' })],
        ['a causation before the log', () => append([write(WEB, 0, [event])], { causation: 0 })],
        ['a causation between two events', () => append([write(WEB, 0, [event])], { causation: 1.5 })],
      ];
      it.each(cases)('%s is refused as a bug, before anything is written', async (_name, wish) => {
        await expect(log.append(wish())).rejects.toThrow(TypeError);
        expect(await log.position()).toBe(0);
      });

      it('says where it expected what', async () => {
        const wish = append([write(WEB, 0, [poolCreated('7' as never)])]);
        await expect(log.append(wish)).rejects.toThrow(
          /PoolCreated of pool-web: data\.settings\.maxConcurrency: .*number/,
        );
      });

      it('begins after a command id of 200 characters', async () => {
        await appended(append([write(WEB, 0, [event])], { commandId: 'x'.repeat(200) }));
      });
    });

    describe('reading', () => {
      beforeEach(async () => {
        await appended(append([write(WEB, 0, [poolCreated(), backendAdded('a'), backendAdded('b')])]));
        await appended(append([write(EXAMPLE, 0, [domainCreated(), domainChanged('api')])]));
      });

      it('is bounded by positions, both inclusive, and by a limit', async () => {
        expect((await log.read({ from: 2, to: 4 })).map(({ position }) => position)).toEqual([2, 3, 4]);
        expect((await log.read({ from: 2, limit: 2 })).map(({ position }) => position)).toEqual([2, 3]);
        expect(await log.read({ from: 6 })).toEqual([]);
        expect(await log.read({ from: 3, to: 2 })).toEqual([]);
      });

      it('is bounded by its text, one event at least', async () => {
        const positions = async (characters: number) =>
          (await log.read({ characters })).map(({ position }) => position);
        expect(await positions(1)).toEqual([1]);
        expect((await positions(60)).length).toBeLessThan(5);
        expect(await positions(10_000)).toEqual([1, 2, 3, 4, 5]);
        expect((await log.readStream(WEB, { from: 2, characters: 1 })).map(place)).toEqual([[2, WEB, 2]]);
        expect(await log.currents({ kind: 'domain', limit: 10, characters: 1 })).toHaveLength(1);
      });

      it('of one stream is bounded by its versions', async () => {
        expect((await log.readStream(EXAMPLE, { from: 2 })).map(place)).toEqual([[5, EXAMPLE, 2]]);
        expect((await log.readStream(WEB, { to: 2 })).map(place)).toEqual([
          [1, WEB, 1],
          [2, WEB, 2],
        ]);
        expect(await log.readStream(poolOf('none'))).toEqual([]);
      });

      it('takes 10 000 events at once and refuses to take more', async () => {
        expect(await log.read({ limit: 10_000 })).toHaveLength(5);
        await expect(log.read({ limit: 10_001 })).rejects.toThrow(RangeError);
        await expect(log.read({ limit: 0 })).rejects.toThrow(RangeError);
        await expect(log.readStream(WEB, { from: 0 })).rejects.toThrow('expected from to be a whole number');
      });

      it('gives 1 000 events where no limit is asked for', async () => {
        const many = Array.from({ length: 1000 }, (_, index) => domainChanged(`p${index}`));
        await appended(append([write(EXAMPLE, 2, many)]));
        expect(await log.read()).toHaveLength(1000);
      });
    });

    describe('current rows', () => {
      async function domain(host: string, pool: string) {
        await appended(append([write(domainOf(host), 0, [domainCreated(pool)], domainState(pool, 1))]));
      }

      it('are the state given with the last write', async () => {
        await domain('example.com', 'web');
        expect(await log.current(EXAMPLE)).toEqual({
          stream: EXAMPLE,
          version: 1,
          state: domainState('web', 1),
        });
        await appended(append([write(EXAMPLE, 1, [domainChanged('api')], domainState('api', 2))]));
        expect(await log.current(EXAMPLE)).toEqual({
          stream: EXAMPLE,
          version: 2,
          state: domainState('api', 2),
        });
      });

      it('go where the state becomes null, and come again', async () => {
        await domain('example.com', 'web');
        await appended(append([write(EXAMPLE, 1, [domainRemoved()], null)]));
        expect(await log.current(EXAMPLE)).toBeUndefined();
        expect(await log.currents({ kind: 'domain', limit: 10 })).toEqual([]);
        await appended(append([write(EXAMPLE, 2, [domainCreated('api')], domainState('api', 3))]));
        expect((await log.current(EXAMPLE))?.version).toBe(3);
      });

      it('are those of a bulk of owners, some new, some there, some that come again', async () => {
        const hosts = Array.from({ length: 47 }, (_, at) => domainOf(`d${at}.example`));
        const there = hosts.filter((_, at) => at % 7 === 0 || at > 42);
        await appended(append(there.map((host) => write(host, 0, [domainCreated()], domainState('web', 1)))));
        const gone = there.slice(0, 4);
        await appended(append(gone.map((host) => write(host, 1, [domainRemoved()], null))));
        const versionOf = (host: StreamName) => (gone.includes(host) ? 2 : there.includes(host) ? 1 : 0);
        const event = (host: StreamName) =>
          versionOf(host) === 1 ? domainChanged('api') : domainCreated('api');
        await appended(
          append(
            hosts.map((host) =>
              write(host, versionOf(host), [event(host)], domainState('api', versionOf(host) + 1)),
            ),
          ),
        );
        expect(await log.statesOf(hosts)).toEqual(
          hosts.map((stream) => ({
            stream,
            version: versionOf(stream) + 1,
            state: domainState('api', versionOf(stream) + 1),
          })),
        );
        expect((await log.domainsOf('api', 100)).length).toBe(hosts.length);
        expect(await log.domainsOf('web', 100)).toEqual([]);
        const written = await log.read({ from: there.length + gone.length + 1 });
        expect(written.map(({ stream }) => stream)).toEqual(hosts);
      });

      it('are told of many owners at once, in the order asked', async () => {
        await domain('example.com', 'web');
        await appended(
          append([write(domainOf('gone.example'), 0, [domainCreated()], domainState('web', 1))]),
        );
        await appended(append([write(domainOf('gone.example'), 1, [domainRemoved()], null)]));
        const asked = [domainOf('gone.example'), domainOf('never.example'), EXAMPLE];
        expect(await log.statesOf(asked)).toEqual([
          { stream: asked[0], version: 2, state: null },
          { stream: asked[1], version: 0, state: null },
          { stream: EXAMPLE, version: 1, state: domainState('web', 1) },
        ]);
        expect(await log.absentAmong(asked)).toEqual(asked.slice(0, 2));
        expect(await log.statesOf([])).toEqual([]);
      });

      it('are paged by kind, in order of name', async () => {
        await appended(append([write(WEB, 0, [poolCreated()])]));
        for (const host of ['c.example', 'a.example', '*', '*.a.example', 'b.example'])
          await domain(host, 'web');
        const names = async (after?: string) => {
          const page = await log.currents({
            kind: 'domain',
            limit: 2,
            ...(after === undefined ? {} : { after }),
          });
          return page.map(({ stream }) => stream);
        };
        expect(await names()).toEqual(['domain-*', 'domain-*.a.example']);
        expect(await names('domain-*.a.example')).toEqual(['domain-a.example', 'domain-b.example']);
        expect(await names('domain-b.example')).toEqual(['domain-c.example']);
        expect(await names('domain-c.example')).toEqual([]);
        expect((await log.currents({ kind: 'pool', limit: 10 })).map(({ stream }) => stream)).toEqual([WEB]);
      });

      it('tell which live domains name a pool', async () => {
        await domain('b.example', 'web');
        await domain('a.example', 'web');
        await domain('c.example', 'api');
        await appended(append([write(WEB, 0, [poolCreated()], { settings: { pool: 'web' } })]));
        expect(await log.domainsOf('web', 10)).toEqual(['a.example', 'b.example']);
        expect(await log.domainsOf('web', 1)).toEqual(['a.example']);
        await appended(
          append([write(domainOf('a.example'), 1, [domainChanged('api')], domainState('api', 2))]),
        );
        await appended(append([write(domainOf('b.example'), 1, [domainRemoved()], null)]));
        expect(await log.domainsOf('web', 10)).toEqual([]);
        expect(await log.domainsOf('api', 10)).toEqual(['a.example', 'c.example']);
      });

      it('tell of a domain by every pool that its routes name', async () => {
        const settings = {
          pool: 'web',
          routes: [
            { match: {}, pool: 'api' },
            {
              match: { pathPrefix: '/' },
              split: [
                { pool: 'api-2', weight: 1 },
                { pool: 'web', weight: 1 },
              ],
            },
          ],
        };
        const created = { type: 'DomainCreated', data: { settings } } as unknown as SwitchyardEvent;
        await appended(append([write(domainOf('b.example'), 0, [created], { settings, version: 1 })]));
        await domain('a.example', 'api');
        expect(await log.domainsOf('api', 10)).toEqual(['a.example', 'b.example']);
        expect(await log.domainsOf('api', 1)).toEqual(['a.example']);
        for (const pool of ['web', 'api-2']) expect(await log.domainsOf(pool, 10)).toEqual(['b.example']);
        for (const pool of ['ap', 'api-', '2', '']) expect(await log.domainsOf(pool, 10)).toEqual([]);
      });
    });

    describe('snapshots', () => {
      const changes = (count: number): SwitchyardEvent[] =>
        Array.from({ length: count }, (_, index) => domainChanged(`pool${index}`));

      it('are there for every 100 versions of a stream, none before', async () => {
        await appended(append([write(EXAMPLE, 0, [domainCreated(), ...changes(98)], { at: 99 })]));
        expect(await log.snapshot(EXAMPLE)).toBeUndefined();
        await appended(append([write(EXAMPLE, 99, changes(1), { at: 100 })]));
        await appended(append([write(EXAMPLE, 100, changes(150), { at: 250 })]));
        expect(await log.snapshot(EXAMPLE)).toMatchObject({
          version: 250,
          position: 250,
          state: { at: 250 },
        });
        expect(await log.snapshot(EXAMPLE, 249)).toMatchObject({
          version: 100,
          position: 100,
          state: { at: 100 },
        });
        expect(await log.snapshot(EXAMPLE, 100)).toMatchObject({ version: 100 });
        expect(await log.snapshot(EXAMPLE, 99)).toBeUndefined();
      });

      it('carry the hash of the last event they fold', async () => {
        await appended(append([write(EXAMPLE, 0, [domainCreated(), ...changes(99)])]));
        expect((await log.snapshot(EXAMPLE))?.hash).toMatch(/^[0-9a-f]{64}$/);
      });

      it('are kept of an owner that is gone', async () => {
        await appended(append([write(EXAMPLE, 0, [domainCreated(), ...changes(98), domainRemoved()], null)]));
        expect(await log.snapshot(EXAMPLE)).toMatchObject({ version: 100, state: null });
      });
    });

    describe('a listener', () => {
      it('hears each append that wrote events, in order, before the append resolves', async () => {
        const heard: (string | readonly number[])[] = [];
        log.onAppended(({ events }) => heard.push(events.map(({ position }) => position)));
        const resolved = (wish: Append) => log.append(wish).then(({ type }) => heard.push(type));
        await Promise.all([
          resolved(append([write(WEB, 0, [poolCreated(), backendAdded('a')])])),
          resolved(append([write(WEB, 0, [poolCreated()])])),
          resolved(append([])),
        ]);
        await resolved(append([write(WEB, 2, [backendAdded('b')])]));
        expect(heard).toEqual([[1, 2], 'appended', 'conflict', 'appended', [3], 'appended']);
      });

      it('can read what it hears of', async () => {
        const reads: Promise<readonly Recorded[]>[] = [];
        log.onAppended(({ first }) => reads.push(log.read({ from: first })));
        const { events } = await appended(append([write(WEB, 0, [poolCreated()])]));
        expect(await reads[0]).toEqual(events);
      });

      it('hears nothing more once it is removed, while others do', async () => {
        const heard: string[] = [];
        const remove = log.onAppended(() => heard.push('first'));
        log.onAppended(() => heard.push('second'));
        await appended(append([write(WEB, 0, [poolCreated()])]));
        remove();
        await appended(append([write(WEB, 1, [backendAdded('a')])]));
        expect(heard).toEqual(['first', 'second', 'second']);
      });

      it('is another each time that it is given', async () => {
        let heard = 0;
        const listen = () => {
          heard += 1;
        };
        const remove = log.onAppended(listen);
        log.onAppended(listen);
        await appended(append([write(WEB, 0, [poolCreated()])]));
        expect(heard).toBe(2);
        remove();
        await appended(append([write(WEB, 1, [backendAdded('a')])]));
        expect(heard).toBe(3);
      });

      it('that has a bug ends the process, but not before all others know what is durable', async () => {
        const bug = new Error('as a bug would');
        const others = process.listeners('uncaughtException');
        process.removeAllListeners('uncaughtException');
        const ended = new Promise((resolve) => process.once('uncaughtException', resolve));
        try {
          const heard: number[] = [];
          log.onAppended(() => {
            throw bug;
          });
          log.onAppended(({ last }) => heard.push(last));
          await appended(append([write(WEB, 0, [poolCreated()])]));
          expect(heard).toEqual([1]);
          expect(await ended).toBe(bug);
        } finally {
          for (const other of others) process.on('uncaughtException', other);
        }
      });
    });

    describe('closing', () => {
      it('waits for the appends under way', async () => {
        const pending = log.append(append([write(WEB, 0, [poolCreated()])]));
        await log.close();
        expect(await pending).toMatchObject({ type: 'appended', position: 1 });
      });

      it('refuses everything afterwards, and is done only once', async () => {
        await log.close();
        await log.close();
        const closed = { name: 'LogUnavailable', code: 'log_closed' };
        await expect(log.append(append([]))).rejects.toMatchObject(closed);
        await expect(log.read()).rejects.toMatchObject(closed);
        await expect(log.position()).rejects.toMatchObject(closed);
        await expect(log.currents({ kind: 'pool', limit: 1 })).rejects.toMatchObject(closed);
      });
    });
  });
}

function place({ position, stream, version }: Recorded): readonly [number, string, number] {
  return [position, stream, version];
}
