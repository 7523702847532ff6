import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prepare } from '../../../eventlog/append/append.ts';
import { packAppend, unpackAppend } from '../../../eventlog/append/packed-append.ts';
import {
  type Append,
  type DomainName,
  domainStream,
  type PoolName,
  poolStream,
} from '../../../eventlog/index.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,10}$/);
const domain = fc.record({ host: name, pool: name }).map(({ host, pool }) => ({
  stream: domainStream(`${host}.example` as DomainName),
  events: [{ type: 'DomainCreated', data: { settings: { pool: pool as PoolName } } } as const],
}));
const pool = fc
  .record({ name, ports: fc.array(fc.integer({ min: 1, max: 65_535 }), { maxLength: 4 }) })
  .map((made) => ({
    stream: poolStream(made.name as PoolName),
    events: [
      { type: 'PoolCreated', data: { settings: {} } } as const,
      ...made.ports.map(
        (port, index) =>
          ({
            type: 'BackendAdded',
            data: { id: `b.${index}`, backend: { address: `127.0.0.1:${port}` } },
          }) as const,
      ),
    ],
  }));
const writes = fc.uniqueArray(
  fc
    .tuple(fc.oneof(domain, pool), fc.nat(500), fc.oneof(fc.constant(null), fc.record({ said: fc.string() })))
    .map(([write, expected, current]) => ({ ...write, expected, current })),
  { selector: ({ stream }) => stream },
);

describe('an append as texts', () => {
  it('says all that the append said, and the names in it', () => {
    fc.assert(
      fc.property(writes, fc.string({ minLength: 1, maxLength: 50, unit: 'binary' }), (writes, author) => {
        const answer = { said: author };
        const append = { commandId: 'c', digest: 'd', author, answer, writes } as unknown as Append;
        const prepared = prepare(append);
        const packed = packAppend(prepared);
        const { names, ...nameless } = packed;
        expect(unpackAppend(nameless)).toEqual(prepared);
        const events = writes.flatMap(({ stream, events }) => events.map(({ type }) => ({ stream, type })));
        expect(names).toEqual({
          streams: events.map(({ stream }) => stream).join('\n'),
          presence: events.map(({ type }) => (type === 'DomainCreated' ? '+' : '=')).join(''),
          types: [...new Set(events.map(({ type }) => type))],
        });
      }),
    );
  });
});
