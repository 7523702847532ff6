import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../eventlog/events/canonical.ts';
import { codec, codecWith } from '../../../eventlog/events/codec.ts';
import { EVENT_SCHEMAS } from '../../../eventlog/events/event-schemas.ts';
import {
  bytesOf,
  chainHash,
  checksumOf,
  GENESIS,
  type StoredEvent,
} from '../../../eventlog/events/stored-event.ts';
import { upcasterOf } from '../../../eventlog/events/upcast.ts';
import { POOL_DEFAULTS, type PoolName, type SwitchyardEvent, sparsePool } from '../../../eventlog/index.ts';
import { domainChanged, EXAMPLE, poolCreated, WEB } from '../appends.ts';

function sealed(parts: Partial<StoredEvent>): StoredEvent {
  const event = {
    position: 7,
    stream: EXAMPLE as string,
    version: 2,
    type: 'DomainChanged',
    schemaVersion: 1,
    data: '{"settings":{"pool":"web"}}',
    metadata: '{"author":"ann","commandId":"c"}',
    recordedAtMs: 1_700_000_000_000,
    ...parts,
  };
  return { ...event, checksum: parts.checksum ?? checksumOf(bytesOf(event)) };
}

describe('canonical JSON', () => {
  it('is the same text for the same value, however it was put together', () => {
    expect(canonicalJson({ b: 1, a: [{ d: null, c: 'x' }] })).toBe('{"a":[{"c":"x","d":null}],"b":1}');
    expect(canonicalJson({ a: [{ c: 'x', d: null }], b: 1, absent: undefined })).toBe(
      '{"a":[{"c":"x","d":null}],"b":1}',
    );
    expect(canonicalJson(-0)).toBe('0');
    expect(canonicalJson('line\nfeed \ud800')).toBe('"line\\nfeed \\ud800"');
  });

  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1n,
    undefined,
    () => 1,
    new Date(0),
    new Map(),
    { list: [undefined] },
    { list: Array(1) },
    { a: { b: [Number.NaN] } },
    { b: 1, a: new Date(0) },
  ])('refuses %s, which JSON cannot say', (value) => expect(() => canonicalJson(value)).toThrow(TypeError));
});

describe('an event', () => {
  it('comes out as it went in', () => {
    const encoded = codec.encode(EXAMPLE, domainChanged('web'));
    expect(encoded).toEqual({ type: 'DomainChanged', schemaVersion: 1, data: '{"settings":{"pool":"web"}}' });
    expect(codec.decode(sealed(encoded))).toEqual({
      position: 7,
      stream: EXAMPLE,
      version: 2,
      ...domainChanged('web'),
      recordedAtMs: 1_700_000_000_000,
      metadata: { author: 'ann', commandId: 'c' },
    });
  });

  it('holds sparse settings, nested ones too', () => {
    const settings = sparsePool({
      ...POOL_DEFAULTS,
      queue: { maxWaiting: 5, maxWaitMs: POOL_DEFAULTS.queue.maxWaitMs },
    });
    const { data } = codec.encode(WEB, { type: 'PoolCreated', data: { settings } });
    expect(data).toBe('{"settings":{"queue":{"maxWaiting":5}}}');
  });

  it('may say everything at length too', () => {
    expect(() => codec.encode(WEB, { type: 'PoolCreated', data: { settings: POOL_DEFAULTS } })).not.toThrow();
  });

  const shapes = [
    { settings: { pool: 'web' } },
    { settings: {} },
    { id: 'b.1', backend: { address: '127.0.0.1:80' } },
  ];
  it.each(Object.entries(EVENT_SCHEMAS))(
    '%s is taken as its schema takes it, also where its data is short',
    (type, schema) => {
      const stream = type.startsWith('Domain') ? EXAMPLE : WEB;
      for (const data of shapes) {
        const encode = () => codec.encode(stream, { type, data } as SwitchyardEvent);
        if (schema.safeParse(data).success) expect(encode).not.toThrow();
        else expect(encode).toThrow(`${type} of ${stream}: data`);
      }
    },
  );

  it.each(['stream', 'type', 'data', 'metadata'] as const)(
    'whose %s is no text any more, but the same bytes, is unreadable',
    (field) => {
      const event = sealed({});
      const damaged = { ...event, [field]: Buffer.from(event[field]) as never };
      expect(() => codec.decode(damaged)).toThrow(/they are not the ones written/);
    },
  );

  const unreadable: readonly [string, Partial<StoredEvent>, RegExp][] = [
    [
      'whose checksum is another',
      { checksum: 1 },
      /expected bytes with checksum 00000001, found [0-9a-f]{8}/,
    ],
    ['of an unknown type', { type: 'DomainPainted' }, /expected a known type, found "DomainPainted"/],
    [
      "of another owner's type",
      { type: 'PoolRemoved', data: '{}' },
      /expected a type of this stream's owner/,
    ],
    [
      'of a newer schema version',
      { schemaVersion: 2 },
      /expected DomainChanged of schema version 1 to 1, found 2/,
    ],
    ['of schema version 0', { schemaVersion: 0 }, /schema version 1 to 1, found 0/],
    ['that is no JSON', { data: '{"settings"' }, /expected JSON as data/],
    ['with an unknown key', { data: '{"settings":{"pool":"web"},"x":1}' }, /data.*x/],
    ['without what it needs', { data: '{"settings":{}}' }, /data\.settings\.pool/],
    ['whose metadata is no JSON', { metadata: '{' }, /expected JSON as metadata/],
  ];
  it.each(unreadable)('%s is unreadable, and says where', (_name, parts, message) => {
    expect(() => codec.decode(sealed(parts))).toThrow(
      expect.objectContaining({ name: 'EventUnreadable', position: 7, stream: EXAMPLE }),
    );
    expect(() => codec.decode(sealed(parts))).toThrow(message);
  });
});

describe('the seal', () => {
  const event = sealed({});
  const others: readonly Partial<StoredEvent>[] = [
    { position: 8 },
    { stream: 'domain-example.net' },
    { version: 3 },
    { type: 'DomainCreated' },
    { schemaVersion: 2 },
    { data: '{"settings":{"pool":"wea"}}' },
    { metadata: '{"author":"bob","commandId":"c"}' },
    { recordedAtMs: 1_700_000_000_001 },
  ];

  it.each(others)('is another where the event has %o', (parts) => {
    const other = { ...event, ...parts };
    expect(checksumOf(bytesOf(other))).not.toBe(event.checksum);
    expect(chainHash(GENESIS, bytesOf(other))).not.toBe(chainHash(GENESIS, bytesOf(event)));
  });

  it('is another after another event', () => {
    expect(chainHash('1'.repeat(64), bytesOf(event))).not.toBe(chainHash(GENESIS, bytesOf(event)));
  });

  it('is the same in every release', () => {
    expect(chainHash(GENESIS, bytesOf(event))).toMatchInlineSnapshot(
      `"6405600e6a86b260a60bd2ca22b828e1dae08b5fc2f2e3d3282170f881e5df2f"`,
    );
    expect(event.checksum).toMatchInlineSnapshot(`3571356387`);
  });
});

describe('an old shape', () => {
  // As if the first two releases had written {pool}, then {target}, before today's {settings: {pool}}.
  const upcasts = upcasterOf({
    DomainChanged: [
      ({ pool, ...rest }) => ({ ...rest, target: pool }),
      ({ target, ...rest }) => ({ ...rest, settings: { pool: target } }),
    ],
  });
  const { decode, encode } = codecWith(upcasts);
  const today = {
    type: 'DomainChanged',
    data: { settings: { pool: 'web' as PoolName } },
  } satisfies SwitchyardEvent;

  it.each([
    [1, '{"pool":"web"}'],
    [2, '{"target":"web"}'],
    [3, '{"settings":{"pool":"web"}}'],
  ])('of version %i is read as the newest', (schemaVersion, data) => {
    expect(decode(sealed({ schemaVersion, data }))).toMatchObject(today);
  });

  it('is no longer written', () => {
    expect(encode(EXAMPLE, today).schemaVersion).toBe(3);
    expect(encode(WEB, poolCreated()).schemaVersion).toBe(1);
  });

  it('that comes out wrong is unreadable', () => {
    expect(() => decode(sealed({ schemaVersion: 2, data: '{"target":7}' }))).toThrow(/data\.settings\.pool/);
  });
});
