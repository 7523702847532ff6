/** The law of the short way that plain members of a routing take: all comes to what the schema alone makes of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { PlainRouting } from '../src/config/plain-routing.ts';
import type { Problem } from '../src/config/problem.ts';
import { type Routing, routingJson } from '../src/config/routing.ts';
import { checkRouting, parseBy, parseRouting, routingShape } from '../src/config/routing-schema.ts';

const OWN = { listeners: ['127.0.0.1:8080', '0.0.0.0:9000'], local: ['127.0.0.1'] };
const schema = z.strictObject(routingShape);

function bySchemaAlone(raw: unknown) {
  const parsed = parseBy(schema, raw);
  const nothing: PlainRouting = { pools: new Map(), domains: new Map() };
  return parsed.ok ? checkRouting(parsed.value, nothing, OWN, raw) : parsed;
}

// As text, so that a key may be `__proto__`; few names, so that some are meant twice and some pools are missing.
const text = (value: unknown) => fc.constant(JSON.stringify(value));
const odd = fc.oneof(
  text(null),
  text(1),
  text(''),
  text([]),
  text({}),
  text([{ pool: 'web' }]),
  text('__proto__'),
  text('a b'),
);
const mostly = (usual: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 20, arbitrary: usual }, { weight: 1, arbitrary: odd });
const object = (keys: fc.Arbitrary<string>, value: fc.Arbitrary<string>, size: object) =>
  fc
    .uniqueArray(fc.tuple(keys, value), { selector: ([key]) => key, ...size })
    .map((members) => `{${members.map(([key, inner]) => `${JSON.stringify(key)}:${inner}`).join(',')}}`);
const named = (members: Record<string, fc.Arbitrary<string>>, sizes = { maxKeys: 9 }) =>
  fc
    .record(members, { requiredKeys: [] })
    .map((some) => Object.entries(some).slice(0, sizes.maxKeys))
    .map((some) => `{${some.map(([key, inner]) => `${JSON.stringify(key)}:${inner}`).join(',')}}`);

const rare = (usual: readonly string[], unusual: readonly string[]) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...unusual) },
  );
const poolNames = rare(
  ['web', 'api', 'constructor', '0', 'a.b_c-d'],
  ['Web', '__proto__', '', 'a b', '-', 'ü', `${'x'.repeat(300)}`],
);
const hosts = rare(
  ['a.example', '*.a.example', '*', 'constructor', '1.2.3.4', '[::1]', 'xn--bcher-kva.example'],
  [
    'A.example',
    'a.example.',
    'bücher.example',
    '[::0:1]',
    '__proto__',
    '',
    'a..b',
    '*.*',
    '0x7f.1',
    'a.example:80',
  ],
);
const ids = rare(['web.1', 'web.2', '7', 'constructor'], ['__proto__', '', '-b', 'ü', 'Web.1']);
const addresses = rare(
  ['127.0.0.1:9001', '[::1]:1', 'unix:/run/a', 'b_c.internal:65535'],
  [
    '127.0.0.1:8080',
    'localhost:8080',
    '[::ffff:7f00:1]:9000',
    'a:0',
    'a:65536',
    'unix:run',
    '127.1:08080',
    '',
  ],
).map((address) => JSON.stringify(address));

const backend = fc.oneof(
  { weight: 6, arbitrary: addresses.map((address) => `{"address":${address}}`) },
  { weight: 1, arbitrary: named({ address: addresses, weight: text(2), state: text('up'), x: odd }) },
);
const backends = object(ids, mostly(backend), { maxLength: 3 });
const pool = fc.oneof(
  { weight: 6, arbitrary: backends.map((some) => `{"backends":${some}}`) },
  { weight: 1, arbitrary: named({ backends: mostly(backends), policy: text('random'), x: odd }) },
);
const poolText = poolNames.map((name) => JSON.stringify(name));
const domain = fc.oneof(
  { weight: 6, arbitrary: poolText.map((name) => `{"pool":${name}}`) },
  {
    weight: 1,
    arbitrary: named({ pool: mostly(poolText), maintenance: text(false), maxInFlight: text(7), x: odd }),
  },
);
const all = ['web', 'api', 'constructor', '0', 'a.b_c-d'];
const everyPool = fc.constant(`{${all.map((name) => `${JSON.stringify(name)}:{"backends":{}}`).join(',')}}`);
const routings = named({
  pools: mostly(fc.oneof(everyPool, object(poolNames, mostly(pool), { maxLength: 6 }))),
  domains: mostly(object(hosts, mostly(domain), { maxLength: 6 })),
});
const raws = fc.oneof(
  { weight: 30, arbitrary: routings },
  { weight: 1, arbitrary: named({ pools: everyPool, x: odd }) },
  { weight: 1, arbitrary: odd },
);

const isTwice = ({ expected }: Problem) => expected === 'each name once';
const lines = (problems: readonly object[]) => problems.map((problem) => JSON.stringify(problem)).sort();
const flat = ({ pools, domains }: Routing) => ({
  pools: new Map([...pools].sort()),
  domains: new Map([...domains].sort()),
});

describe('a routing of which much is plain', () => {
  it('is wished, or refused in the same words, as the schema alone would have it', () => {
    const seen = { good: 0, bad: 0 };
    fc.assert(
      fc.property(raws, (written) => {
        const short = parseRouting(JSON.parse(written), OWN);
        const long = bySchemaAlone(JSON.parse(written));
        expect(short.ok).toBe(long.ok);
        seen[short.ok ? 'good' : 'bad'] += 1;
        if (short.ok && long.ok) {
          expect(flat(short.value)).toEqual(flat(long.value));
          expect(JSON.stringify(routingJson(short.value))).toBe(JSON.stringify(routingJson(long.value)));
        }
        if (short.ok || long.ok) return;
        // Of two that are meant alike, either is the second.
        if (short.problems.some(isTwice)) expect(long.problems.some(isTwice)).toBe(true);
        else expect(lines(short.problems)).toEqual(lines(long.problems));
      }),
      { numRuns: 4000 },
    );
    expect(Math.min(seen.good, seen.bad)).toBeGreaterThan(500);
  });
});
