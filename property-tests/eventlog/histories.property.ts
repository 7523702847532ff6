import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createMemoryLog,
  fold,
  type Json,
  kindOf,
  openSqliteLog,
  ownerNameOf,
  type Recorded,
  type StreamName,
  stateOf,
  verify,
} from '../../eventlog/index.ts';
import { contentsOf } from '../../test/eventlog/contents.ts';
import { histories, type Played, play, type Step } from '../../test/eventlog/histories.ts';
import { everything, projectionOf } from '../../test/eventlog/projections.ts';
import { tamper } from '../../test/support/tamper.ts';
import { tempDirectory } from '../../test/support/temp-directory.ts';

const NOW = 1_700_000_000_000;
const now = () => NOW;

/** Long enough for snapshots in every stream now and then: the same steps over and over. */
const longHistories = fc
  .tuple(histories(12), fc.integer({ min: 1, max: 25 }))
  .map(([steps, times]) => Array.from({ length: times }, (): readonly Step[] => steps).flat());

describe('whatever happens', () => {
  it('the log verifies: the chain holds, and every row beside it is the fold of its stream', async () => {
    await fc.assert(
      fc.asyncProperty(longHistories, async (steps) => {
        await using directory = await tempDirectory();
        await using log = openSqliteLog({ directory: directory.path, now });
        await play(log, steps);
        expect((await verify(log.reader, projectionOf)).findings).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  it('the log says what was answered, whichever part of it is asked for', async () => {
    const parts = fc.record({
      from: fc.integer({ min: 1, max: 40 }),
      limit: fc.integer({ min: 1, max: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(longHistories, parts, async (steps, { from, limit }) => {
        await using directory = await tempDirectory();
        await using log = openSqliteLog({ directory: directory.path, now });
        const happened = answeredIn(await play(log, steps));
        const part = <Item>(all: readonly Item[]) => all.slice(from - 1, from - 1 + limit);

        expect(await log.position()).toBe(happened.length);
        expect(await log.read({ from, limit })).toEqual(part(happened));
        const states = new Map<StreamName, Json>();
        for (const [stream, events] of Map.groupBy(happened, ({ stream }) => stream)) {
          states.set(stream, fold(everything, events));
          expect(await log.version(stream)).toBe(events.length);
          expect(await log.readStream(stream, { from, limit })).toEqual(part(events));
        }

        // Of six owners.
        const few = 1 + (limit % 3);
        const live = [...states].filter(([, state]) => state !== null).sort(byName);
        const pools = live.filter(([stream]) => kindOf(stream) === 'pool');
        const after = pools.at(from % (pools.length + 1))?.[0] ?? '';
        const currents = await log.currents({ kind: 'pool', after, limit: few });
        const following = pools.filter(([stream]) => stream > after).slice(0, few);
        expect(currents.map(({ stream, state }) => [stream, state])).toEqual(following);
        for (const pool of ['web', 'api', 'Batch_1']) {
          const users = live.filter(
            ([stream, state]) => kindOf(stream) === 'domain' && poolIn(state) === pool,
          );
          expect(await log.domainsOf(pool, few)).toEqual(
            users.slice(0, few).map(([stream]) => ownerNameOf(stream)),
          );
        }
      }),
      { numRuns: 50 },
    );
  });

  it('the log is the same after it is closed and opened at any point', async () => {
    await fc.assert(
      fc.asyncProperty(longHistories, histories(10), async (before, after) => {
        await using directory = await tempDirectory();
        const first = openSqliteLog({ directory: directory.path, now });
        await play(first, before);
        const contents = contentsOf(first.reader);
        await first.close();
        await using second = openSqliteLog({ directory: directory.path, now });
        expect(contentsOf(second.reader)).toEqual(contents);
        await play(second, after, 'later');
        expect((await verify(second.reader, projectionOf)).ok).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('current rows and snapshots, once deleted, are rebuilt as they were', async () => {
    await fc.assert(
      fc.asyncProperty(longHistories, async (steps) => {
        await using directory = await tempDirectory();
        const before = openSqliteLog({ directory: directory.path, now });
        await play(before, steps);
        const contents = contentsOf(before.reader);
        await before.close();
        tamper(directory.path, 'DELETE FROM currents; DELETE FROM snapshots');
        await using log = openSqliteLog({ directory: directory.path, now });
        expect((await log.rebuildCurrents(projectionOf)).unreadable).toEqual([]);
        expect(contentsOf(log.reader)).toEqual(contents);
      }),
      { numRuns: 20 },
    );
  });

  it('a state from a snapshot and its tail is the fold of the whole, at any version', async () => {
    await fc.assert(
      fc.asyncProperty(longHistories, fc.nat(), async (steps, cut) => {
        await using log = createMemoryLog({ now });
        await play(log, steps);
        for (const stream of log.reader.streams('', 100) as StreamName[]) {
          const version = cut % (log.reader.version(stream) + 1);
          const events = version === 0 ? [] : await log.readStream(stream, { to: version, limit: 10_000 });
          expect(await stateOf(log, stream, everything, version)).toEqual({
            version,
            state: fold(everything, events),
          });
        }
      }),
      { numRuns: 25 },
    );
  });

  it('a command sent again gets the answer it got, and changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(histories(), async (steps) => {
        await using log = createMemoryLog({ now });
        const { acknowledged } = await play(log, steps);
        const position = await log.position();
        for (const { append, appended } of acknowledged) {
          if (appended.type !== 'appended') continue;
          expect(await log.append(append)).toEqual({
            type: 'repeated',
            position: appended.position,
            answer: append.answer,
          });
        }
        expect(await log.position()).toBe(position);
      }),
      { numRuns: 40 },
    );
  });
});

/** All that was acknowledged, each once, in order of position. */
function answeredIn({ acknowledged }: Played): readonly Recorded[] {
  const events = acknowledged.flatMap(({ appended }) =>
    appended.type === 'appended' ? appended.events : [],
  );
  return events.sort((one, other) => one.position - other.position);
}

function byName([one]: readonly [string, Json], [other]: readonly [string, Json]): number {
  return one < other ? -1 : 1;
}

function poolIn(state: Json): string {
  return (state as { settings: { pool: string } }).settings.pool;
}
