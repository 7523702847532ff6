/** The difference between two routings, as data and as people read it. */
import { describe, expect, it } from 'vitest';
import { difference } from '../../src/config/difference.ts';
import { countsOf, describeExcess, excessiveRemovals, removedBy } from '../../src/config/removals.ts';
import { renderDifference } from '../../src/config/render-difference.ts';
import { EMPTY_ROUTING, type Routing } from '../../src/config/routing.ts';
import { parseRouting } from '../../src/config/routing-schema.ts';

function routing(raw: unknown): Routing {
  const parsed = parseRouting(raw);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
}

const present = routing({
  pools: {
    web: { queue: { maxWaiting: 5 }, backends: { 'web.1': { address: 'a:1' }, 'web.2': { address: 'b:1' } } },
    old: { backends: { 'old.1': { address: 'c:1' } } },
  },
  domains: { 'a.example': { pool: 'web' }, 'z.example': { pool: 'old' } },
});
const wished = routing({
  pools: {
    web: {
      policy: 'random',
      backends: { 'web.1': { address: 'a:1', weight: 2 }, 'web.3': { address: 'd:1' } },
    },
  },
  domains: { 'a.example': { pool: 'web' }, 'b.example': { pool: 'web' } },
});

const told = (changes: ReturnType<typeof difference>) =>
  changes.map(({ change, kind, name }) => `${change} ${kind} ${name}`);

describe('difference', () => {
  it('sees one setting that changes alone', () => {
    const of = (policy: string, weight: number, maxInFlight: number) =>
      routing({
        pools: { web: { policy, backends: { 'web.1': { address: 'a:1', weight } } } },
        domains: { 'a.example': { pool: 'web', maxInFlight } },
      });
    const one = of('random', 2, 7);
    expect(told(difference(one, of('p2c', 2, 7)))).toEqual(['change pool web']);
    expect(told(difference(one, of('random', 3, 7)))).toEqual(['change backend web.1']);
    expect(told(difference(one, of('random', 2, 8)))).toEqual(['change domain a.example']);
    expect(difference(one, of('random', 2, 7))).toEqual([]);
  });

  it('sees a backend that comes or goes alone', () => {
    const web = { 'web.1': { address: 'a:1' } };
    const one = routing({ pools: { web: { backends: web } } });
    const two = routing({ pools: { web: { backends: { ...web, 'web.2': { address: 'b:1' } } } } });
    expect(told(difference(one, two))).toEqual(['add backend web.2']);
    expect(told(difference(two, one))).toEqual(['remove backend web.2']);
    expect(difference(two, two)).toEqual([]);
  });

  it('names each thing that comes, goes or changes, with the settings that differ, in a stable order', () => {
    expect(difference(present, wished)).toEqual([
      { kind: 'pool', name: 'old', change: 'remove', before: {}, after: null, fields: [] },
      {
        kind: 'backend',
        pool: 'old',
        name: 'old.1',
        change: 'remove',
        before: { address: 'c:1' },
        after: null,
        fields: [{ path: 'address', before: 'c:1', after: null }],
      },
      {
        kind: 'pool',
        name: 'web',
        change: 'change',
        before: { queue: { maxWaiting: 5 } },
        after: { policy: 'random' },
        fields: [
          { path: 'policy', before: 'least-request', after: 'random' },
          { path: 'queue.maxWaiting', before: 5, after: 1000 },
        ],
      },
      {
        kind: 'backend',
        pool: 'web',
        name: 'web.1',
        change: 'change',
        before: { address: 'a:1' },
        after: { address: 'a:1', weight: 2 },
        fields: [{ path: 'weight', before: 1, after: 2 }],
      },
      {
        kind: 'backend',
        pool: 'web',
        name: 'web.2',
        change: 'remove',
        before: { address: 'b:1' },
        after: null,
        fields: [{ path: 'address', before: 'b:1', after: null }],
      },
      {
        kind: 'backend',
        pool: 'web',
        name: 'web.3',
        change: 'add',
        before: null,
        after: { address: 'd:1' },
        fields: [{ path: 'address', before: null, after: 'd:1' }],
      },
      {
        kind: 'domain',
        name: 'b.example',
        change: 'add',
        before: null,
        after: { pool: 'web' },
        fields: [{ path: 'pool', before: null, after: 'web' }],
      },
      {
        kind: 'domain',
        name: 'z.example',
        change: 'remove',
        before: { pool: 'old' },
        after: null,
        fields: [{ path: 'pool', before: 'old', after: null }],
      },
    ]);
  });

  it('sees no difference where defaults are spelt out', () => {
    const spelt = routing({
      pools: { web: { policy: 'least-request', queue: { maxWaitMs: 30_000 } } },
      domains: {},
    });
    expect(difference(routing({ pools: { web: {} } }), spelt)).toEqual([]);
  });
});

describe('renderDifference', () => {
  it('is a listing with +, - and ~', () => {
    expect(renderDifference(difference(present, wished))).toEqual([
      '- pool old',
      '- backend old/old.1',
      '~ pool web',
      '    policy: least-request → random',
      '    queue.maxWaiting: 5 → 1000',
      '~ backend web/web.1',
      '    weight: 1 → 2',
      '- backend web/web.2',
      '+ backend web/web.3',
      '    address: d:1',
      '+ domain b.example',
      '    pool: web',
      '- domain z.example',
      '2 to add, 2 to change, 4 to remove (1 domain, 1 pool, 2 backends)',
    ]);
  });

  it('says so when there is none', () => {
    expect(renderDifference([])).toEqual(['no difference']);
  });

  it('lets no control character of a stored text through', () => {
    const field = { path: 'x', before: null, after: '\u001b[2J' };
    const lines = renderDifference([
      {
        kind: 'domain',
        name: 'a' as never,
        change: 'add',
        before: null,
        after: {} as never,
        fields: [field],
      },
    ]);
    expect(lines.join('\n')).not.toContain('\u001b');
  });
});

describe('excessiveRemovals', () => {
  const domains = (count: number, from = 0): Routing =>
    routing({
      pools: { web: {} },
      domains: Object.fromEntries(
        Array.from({ length: count }, (_, at) => [`d${from + at}.example`, { pool: 'web' }]),
      ),
    });
  const removing = (removed: number, of: number, allowRemovals?: number) => {
    const before = domains(of);
    const gone = removedBy(difference(before, domains(of - removed, removed)));
    return excessiveRemovals(gone, countsOf(before), allowRemovals);
  };

  it('allows ten of any number, and no eleventh', () => {
    expect(removing(10, 12)).toEqual([]);
    expect(removing(11, 12)).toEqual([{ kind: 'domains', removed: 11, present: 12, allowed: 10 }]);
  });

  it('allows a tenth of many, and not one more', () => {
    expect(removing(20, 200)).toEqual([]);
    expect(removing(21, 200)).toHaveLength(1);
    expect(removing(20, 199)).toHaveLength(1);
  });

  it('allows what somebody asked for, and not one more', () => {
    expect(removing(15, 20, 15)).toEqual([]);
    expect(removing(15, 20, 14)).toHaveLength(1);
  });

  it('counts the backends of a pool that goes', () => {
    const backends = Object.fromEntries(
      Array.from({ length: 11 }, (_, at) => [`b${at}`, { address: `h:${at + 1}` }]),
    );
    const before = routing({ pools: { web: { backends } } });
    const excess = excessiveRemovals(removedBy(difference(before, EMPTY_ROUTING)), countsOf(before));
    expect(excess).toEqual([{ kind: 'backends', removed: 11, present: 11, allowed: 10 }]);
    expect(describeExcess(excess)).toBe(
      'expected at most 10 of 11 backends to be removed, found 11; --allow-removals 11 allows it',
    );
  });
});
