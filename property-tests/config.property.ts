/** Laws of configuration: what is written is read back, and a difference is exactly what lies between. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BackendId, DomainName, PoolName } from '../eventlog/names.ts';
import type { SparseBackend, SparseDomain, SparsePool } from '../eventlog/settings/sparse-settings.ts';
import { yamlOf } from '../src/cli/render/yaml.ts';
import { parseConfig } from '../src/config/config.ts';
import { type Change, difference } from '../src/config/difference.ts';
import { readText } from '../src/config/load.ts';
import { editDistance } from '../src/config/nearest.ts';
import { type RoutedPool, type Routing, routingJson } from '../src/config/routing.ts';
import { parseRouting } from '../src/config/routing-schema.ts';
import { scanJson } from '../src/config/scan-json.ts';

// Few names, so that two routings share some; among them those that every object inherits.
const poolNames = fc.constantFrom('web', 'api', 'constructor', 'toString', 'a.b_c-d', '0');
const backendIds = fc.constantFrom('web.1', 'web.2', 'hasOwnProperty', '7');
const hosts = fc.constantFrom(
  'a.example',
  '*.a.example',
  '*',
  'constructor',
  '[::1]',
  'xn--bcher-kva.example',
);

const ms = fc.nat(86_400_000).map((value) => Math.max(1, value));
const backends = fc.record(
  {
    address: fc.constantFrom('127.0.0.1:9001', '[::1]:1', 'unix:/run/a', 'b_c.internal:65535'),
    weight: fc.integer({ min: 1, max: 1000 }),
    maxConcurrency: fc.option(fc.integer({ min: 1, max: 100_000 })),
    state: fc.constantFrom('up', 'starting', 'draining'),
  },
  { requiredKeys: ['address'] },
);
const pools = fc.record(
  {
    policy: fc.constantFrom('least-request', 'round-robin', 'random', 'p2c', 'peak-ewma', 'consistent-hash'),
    hashOn: fc.constantFrom('address', 'path', { header: 'x-user' }, { cookie: 'sid' }),
    maxConcurrency: fc.option(fc.integer({ min: 1, max: 100_000 })),
    queue: fc.record({ maxWaiting: fc.nat(1_000_000), maxWaitMs: ms }, { requiredKeys: [] }),
    whenEmpty: fc.constantFrom('refuse', 'hold'),
    timeouts: fc.record({ connectMs: ms, idleMs: ms }, { requiredKeys: [] }),
    backends: fc.dictionary(backendIds, backends, { maxKeys: 4 }),
  },
  { requiredKeys: [] },
);

// What YAML lays out by.
const blanks = fc.string({ unit: fc.constantFrom(' ', '\n', '\r', '\t', 'x'.repeat(50), '"'), maxLength: 8 });
const words = fc.constantFrom('error', 'queue_full', 'toString');
const domainParts = fc.record(
  {
    maxInFlight: fc.nat(1_000_000),
    maintenance: fc.boolean(),
    features: fc.record({ continue: fc.constantFrom('router', 'end-to-end') }, { requiredKeys: [] }),
    errorPages: fc.dictionary(
      words.filter((word) => word !== 'toString'),
      fc.oneof(fc.string({ maxLength: 20 }), blanks),
      { maxKeys: 2 },
    ),
    headers: fc.record(
      { request: fc.dictionary(words, fc.constantFrom('1', 'a b'), { maxKeys: 2 }) },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

const raws = fc
  .record({
    pools: fc.dictionary(poolNames, pools, { minKeys: 1, maxKeys: 5 }),
    hosts: fc.uniqueArray(hosts),
    parts: domainParts,
    pick: fc.nat(),
  })
  .map(({ pools: named, hosts: wanted, parts, pick }) => {
    const names = Object.keys(named);
    const domains = wanted.map(
      (host, at) => [host, { ...(at === 0 ? parts : {}), pool: names[(pick + at) % names.length]! }] as const,
    );
    return { pools: named, domains: Object.fromEntries(domains) };
  });

const routings = raws.map(parsed);

function parsed(raw: unknown): Routing {
  const result = parseRouting(raw);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

/** What carrying out the changes makes of the present. */
function applied(present: Routing, changes: readonly Change[]): Routing {
  const pools = new Map<PoolName, { settings: SparsePool; backends: Map<BackendId, SparseBackend> }>();
  for (const [name, pool] of present.pools)
    pools.set(name, { settings: pool.settings, backends: new Map(pool.backends) });
  const domains = new Map<DomainName, SparseDomain>(present.domains);
  for (const change of changes) {
    if (change.kind === 'domain') {
      if (change.after === null) domains.delete(change.name);
      else domains.set(change.name, change.after);
    } else if (change.kind === 'pool') {
      const backendsOf = pools.get(change.name)?.backends ?? new Map();
      if (change.after === null) pools.delete(change.name);
      else pools.set(change.name, { settings: change.after, backends: backendsOf });
    } else if (change.after === null) pools.get(change.pool)?.backends.delete(change.name);
    else pools.get(change.pool)!.backends.set(change.name, change.after);
  }
  return { pools: pools as ReadonlyMap<PoolName, RoutedPool>, domains };
}

describe('a configuration', () => {
  it('is read back as what was written, in JSON and in YAML', () => {
    fc.assert(
      fc.property(routings, (routing) => {
        const json = routingJson(routing);
        for (const [text, extension] of [
          [JSON.stringify(json), '.json'],
          [yamlOf(json), '.yaml'],
        ] as const) {
          const read = readText(text, extension);
          expect(read.ok && parseRouting(read.value)).toEqual({ ok: true, value: routing });
        }
      }),
      { numRuns: 150 },
    );
  });

  it('gives a value or problems that say what was expected and found, whatever it is made from', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.record({ pools: fc.jsonValue(), domains: fc.jsonValue(), listeners: fc.jsonValue() }),
        ),
        (raw) => {
          const result = parseConfig(raw, {}, []);
          if (result.ok) return;
          expect(result.problems.length).toBeGreaterThan(0);
          for (const { expected, found } of result.problems) {
            expect(expected).not.toBe('');
            expect(found).not.toBe('');
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('the walk over a text', () => {
  const broken = fc
    .tuple(
      fc.json(),
      fc.nat(),
      fc.constantFrom('', ',', '}', ']', '"', ':', '1', ' ', '\n', '\\', '\u0001', 'tru', '-'),
    )
    .map(([text, pick, sign]) => {
      const at = pick % (text.length + 1);
      return text.slice(0, at) + sign + text.slice(at + (pick % 3));
    });

  it('finds a fault exactly where JSON.parse refuses the text', () => {
    fc.assert(
      fc.property(fc.oneof(broken, fc.json()), (text) => {
        const { fault } = scanJson(text);
        expect(fault === undefined).toBe(parses(text));
        if (fault !== undefined) expect(fault).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('finds a repeated key exactly where an object has fewer keys than were written', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd', '"', '}'), { maxLength: 5 }), (keys) => {
        const text = `{"x": [{${keys.map((key) => `${JSON.stringify(key)}: {"a": 1}`).join(', ')}}]}`;
        expect(scanJson(text).repeated).toHaveLength(keys.length - new Set(keys).size);
      }),
    );
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('a difference', () => {
  it('between equals is empty', () => {
    fc.assert(
      fc.property(raws, (raw) => {
        expect(difference(parsed(raw), parsed(structuredClone(raw)))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('carried out on the present gives the wished', () => {
    fc.assert(
      fc.property(routings, routings, (present, wished) => {
        const made = applied(present, difference(present, wished));
        expect(routingJson(made)).toEqual(routingJson(wished));
      }),
      { numRuns: 300 },
    );
  });

  it('the other way round has the same things, with what comes and what goes exchanged', () => {
    const turned = { add: 'remove', remove: 'add', change: 'change' } as const;
    const named = ({ kind, name, change }: Change) => `${kind} ${name} ${change}`;
    fc.assert(
      fc.property(routings, routings, (one, other) => {
        const back = difference(other, one).map((change) =>
          named({ ...change, change: turned[change.change] } as Change),
        );
        expect(difference(one, other).map(named)).toEqual(back);
      }),
      { numRuns: 100 },
    );
  });

  it('names at least one differing setting in every change of what stays', () => {
    fc.assert(
      fc.property(routings, routings, (present, wished) => {
        for (const change of difference(present, wished)) {
          if (change.change === 'change') expect(change.fields.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('the distance between two words', () => {
  const words = fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', 'c') });

  it('is zero for equals, the same both ways, and at most the longer length', () => {
    fc.assert(
      fc.property(words, words, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});
