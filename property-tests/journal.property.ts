/** Laws of the journal: what goes in comes out, whatever it is; and whatever dies when, nothing is lost or there twice. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ByteReader,
  ByteWriter,
  openJournalReader,
  parseRequestId,
  renderRequestId,
} from '../eventlog/index.ts';
import { IdHashes, mayContain } from '../eventlog/journal/segment/filter.ts';
import {
  finished,
  idOf,
  JournalDesk,
  OTHER,
  RUN,
  record,
  VOCABULARY,
} from '../test/eventlog/journal/desk.ts';

function inDirectory<T>(act: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-journal-law-'));
  try {
    return act(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Some characters over and over: a text may be long, and is made at once. */
const latin1 = (maxLength: number) =>
  fc
    .tuple(
      fc.array(fc.integer({ min: 0x21, max: 0xff }), { minLength: 1 }),
      fc.oneof(fc.nat(10), fc.nat(maxLength), fc.constant(maxLength)),
    )
    .map(([codes, length]) => {
      const text = String.fromCharCode(...codes.map((code) => (code === 0x3f ? 0x21 : code)));
      return text.repeat(Math.ceil(length / text.length)).slice(0, length);
    });
const key = fc.integer({ min: 1, max: 2 ** 52 - 1 });
const moment = fc.oneof(
  fc.constant(-1),
  fc.integer({ min: 0, max: 4096 * 3_600_000 }).map((n) => RUN + n / 4096),
);

const attempts = fc.array(
  fc.record({
    backendKey: key,
    ticket: fc.integer({ min: 1, max: 2 ** 52 }),
    startedAtMs: moment,
    end: fc.constantFrom(0, 1, OTHER),
  }),
  { maxLength: 17, size: 'max' },
);

const requests = fc.record({
  worker: fc.integer({ min: 0, max: 4095 }),
  salt: fc.integer({ min: 0, max: 0x3fff }),
  sequence: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  startedAtMs: fc.integer({ min: 0, max: 4096 * 1000 }).map((n) => RUN + n / 4096),
  position: fc.integer({ min: 0, max: 2 ** 52 }),
  method: fc.constantFrom(0, 1, OTHER),
  host: latin1(300),
  target: latin1(8192),
  domain: latin1(100),
  poolKey: fc.oneof(fc.constant(0), key),
  waitedMs: fc.oneof(fc.constant(-1), fc.double({ min: 0, max: 1e9, noNaN: true })),
  connectStartedMs: moment,
  status: fc.integer({ min: 0, max: 999 }),
  bytesIn: fc.integer({ min: 0, max: 2 ** 52 }),
  bytesOut: fc.integer({ min: 0, max: 2 ** 52 }),
  peerId: latin1(200),
  isHttp10: fc.boolean(),
});

describe('a request', () => {
  it('comes out of the journal as it went in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(requests, attempts), { minLength: 1, maxLength: 20, size: 'max' }),
        (all) => {
          inDirectory((directory) => {
            const journal = new JournalDesk(directory, { ringBytes: 2 ** 20 });
            const ring = journal.producer();
            const writer = journal.writer();
            for (const [fields, tried] of all) {
              const methodName = fields.method === OTHER ? 'PURGE' : '';
              const request = finished({ ...fields, methodName, endedAtMs: fields.startedAtMs + 1 });
              if (fields.poolKey !== 0) for (const each of tried) Object.assign(request.addAttempt(), each);
              expect(record(ring, request)).toBe(true);
            }
            writer.turn();
            const reader = openJournalReader(directory);
            const found = [...reader.requests()];
            expect(found).toHaveLength(all.length);
            found.forEach((request, index) => void expectSame(request, all[index]!));
            reader.close();
            writer.close();
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});

type Fields = typeof requests extends fc.Arbitrary<infer T> ? T : never;
type Tried = typeof attempts extends fc.Arbitrary<infer T> ? T : never;

function expectSame(
  request: ReturnType<ReturnType<typeof openJournalReader>['requests']> extends IterableIterator<infer T>
    ? T
    : never,
  [fields, tried]: [Fields, Tried],
): void {
  const { startedAtMs } = fields;
  const near = (expected: number, found: number | undefined) =>
    expected < 0
      ? expect(found).toBeUndefined()
      : expect(found).toBeCloseTo(Math.max(expected, startedAtMs), 2);
  expect(request).toMatchObject({
    id: renderRequestId({
      atMs: Math.floor(startedAtMs),
      worker: fields.worker,
      salt: fields.salt,
      sequence: fields.sequence,
    }),
    startedAtMs,
    position: fields.position,
    method: fields.method === OTHER ? 'PURGE' : VOCABULARY.methods[fields.method],
    version: fields.isHttp10 ? '1.0' : '1.1',
    host: fields.host,
    path: fields.target,
    omitted: undefined,
    domain: fields.domain === '' ? undefined : fields.domain,
    status: fields.status,
    bytesIn: fields.bytesIn,
    bytesOut: fields.bytesOut,
    peerId: fields.peerId === '' ? undefined : fields.peerId,
  });
  near(fields.connectStartedMs, request.connectStartedMs);
  expect(request.pool?.key ?? 0).toBe(fields.poolKey);
  expect(request.attempts.map(({ backend, ticket }) => [backend.key, ticket])).toEqual(
    fields.poolKey === 0 ? [] : tried.map(({ backendKey, ticket }) => [backendKey, ticket]),
  );
  request.attempts.forEach((attempt, index) => {
    near(tried[index]!.startedAtMs, attempt.startedAtMs);
    expect(attempt.end).toBe(VOCABULARY.ends[tried[index]!.end]);
  });
}

describe('whatever dies when', () => {
  // A producer's death leaves half a record; a writer's takes back its tail and figures, as if it had died right after a commit,
  // or nothing at all, as if before; a restart of the process gives new rings.
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant('record' as const), ring: fc.nat(2), size: fc.nat(400) }),
    },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('turn' as const) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('producer dies' as const), ring: fc.nat(2) }) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('writer dies' as const), committed: fc.boolean() }),
    },
  );

  it('every record is there once, or counted as lost', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        inDirectory((directory) => {
          const journal = new JournalDesk(directory, { rings: 3, ringBytes: 2 ** 16 });
          const rings = [0, 1, 2].map((ring) => journal.producer(ring));
          const words = new Int32Array(journal.shared.buffer);
          let writer = journal.writer();
          const expected: string[] = [];
          let lost = 0;
          let sequence = 0;
          const put = (ring: number, size: number) => {
            const request = finished({ sequence: sequence++, target: `/${'x'.repeat(size)}` });
            if (record(rings[ring]!, request)) expected.push(idOf(request));
            else lost++;
          };
          for (const each of steps) {
            journal.nowMs += 10;
            if (each.type === 'record') for (let i = 0; i < 40; i++) put(each.ring, each.size);
            else if (each.type === 'turn') writer.turn();
            else if (each.type === 'producer dies') {
              // One that finds no room has lost its record before it dies.
              if (rings[each.ring]!.begin(100)) rings[each.ring]!.text('half');
              else lost++;
              rings[each.ring] = journal.producer(each.ring);
            } else {
              const before = words.slice(0, 512);
              if (each.committed) writer.turn();
              words.set(before);
              writer = journal.writer();
              // The last one's life was not fruitless for itself, but it could not say so.
              writer.turn();
            }
          }
          writer.turn();
          const reader = openJournalReader(directory);
          const found = [...reader.requests()].map(({ id }) => id);
          expect(found.toSorted()).toEqual(expected.toSorted());
          const counted = reader.gaps().reduce((sum, { requests }) => sum + (requests ?? 0), 0);
          expect(counted).toBe(lost);
          for (const id of expected.slice(-5)) expect(reader.find(id)?.id).toBe(id);
          reader.close();
          writer.close();
        });
      }),
      { numRuns: 60 },
    );
  });
});

describe('bytes', () => {
  it('give back numbers, doubles and texts as they were', () => {
    const number = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 53 - 1 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(number, fc.double(), latin1(300), fc.maxSafeInteger())), (all) => {
        const into = new ByteWriter();
        for (const [count, double, text, signed] of all) {
          into.reserve(1000);
          into.count(count);
          into.double(double);
          into.text(text);
          into.whole(Math.trunc(signed / 2));
          into.key(count % 2 ** 52);
        }
        const reader = new ByteReader(into.written());
        for (const [count, double, text, signed] of all) {
          expect(reader.count()).toBe(count);
          expect(reader.double()).toBe(double);
          expect(reader.text()).toBe(text);
          expect(reader.whole()).toBe(Math.trunc(signed / 2) + 0);
          expect(reader.key()).toBe(count % 2 ** 52);
        }
        expect(reader.isDone).toBe(true);
      }),
    );
  });

  it('that are cut off are refused, whatever they were', () => {
    fc.assert(
      fc.property(latin1(100), fc.nat(100), (text, cut) => {
        const into = new ByteWriter();
        into.text(text);
        const bytes = into.written().subarray(0, Math.min(cut, into.at - 1));
        expect(() => new ByteReader(bytes).text()).toThrow(/expected/);
      }),
    );
  });
});

describe('an id', () => {
  it('is read as it was written', () => {
    const parts = fc.record({
      atMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
      worker: fc.nat(4095),
      salt: fc.nat(0x3fff),
      sequence: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
    });
    fc.assert(fc.property(parts, (one) => void expect(parseRequestId(renderRequestId(one))).toEqual(one)));
  });
});

describe('a filter', () => {
  it('never says no of what it has, and seldom yes of what it has not', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer(), { minLength: 20, maxLength: 2000, size: 'max' }), (hashes) => {
        const ids = new IdHashes();
        const half = hashes.length >> 1;
        for (const hash of hashes.slice(0, half)) ids.add(hash | 0);
        const filter = ids.filter();
        expect(hashes.slice(0, half).every((hash) => mayContain(filter, hash | 0))).toBe(true);
      }),
    );
    const ids = new IdHashes();
    for (let i = 0; i < 1000; i++) ids.add(Math.imul(i, 0x9e3779b1));
    const filter = ids.filter();
    let wrong = 0;
    for (let i = 1000; i < 101_000; i++) if (mayContain(filter, Math.imul(i, 0x9e3779b1))) wrong++;
    expect(wrong / 100_000).toBeLessThan(0.02);
  });
});
