import { describe, expect, it } from 'vitest';
import { keyOf } from '../../../actors/index.ts';
import { createMemoryLog, type Recorded, type SwitchyardEvent } from '../../../eventlog/index.ts';
import { Table } from '../../../src/workers/index.ts';
import { append, domainCreated, EXAMPLE, write } from '../../eventlog/appends.ts';
import { backend, domain, pool } from '../../support/system.ts';

const web = pool('web');
const one = backend('web.1');

/** Recorded one after the other, each stream counting its own versions. */
function recorded(...happened: (readonly [string, SwitchyardEvent])[]): Recorded[] {
  const versions = new Map<string, number>();
  return happened.map(([stream, event], index) => {
    const version = (versions.get(stream) ?? 0) + 1;
    versions.set(stream, version);
    const metadata = { commandId: 'c', author: 'test' };
    return { ...event, stream, version, position: index + 1, recordedAtMs: 0, metadata } as Recorded;
  });
}

const created = ['pool-web', { type: 'PoolCreated', data: { settings: {} } }] as const;
const added = [
  'pool-web',
  { type: 'BackendAdded', data: { id: one, backend: { address: '127.0.0.1:1' } } },
] as const;

function routed(host: string) {
  return [`domain-${host}`, { type: 'DomainCreated', data: { settings: { pool: web } } }] as const;
}

describe('the table of a worker', () => {
  it('finds the exact host, then the longest wildcard, then the one for everything', () => {
    const table = new Table();
    table.apply(recorded(created, routed('*'), routed('*.test'), routed('*.a.test'), routed('x.a.test')));
    expect(table.lookup('x.a.test')?.name).toBe('x.a.test');
    expect(table.lookup('y.x.a.test')?.name).toBe('*.a.test');
    expect(table.lookup('a.test')?.name).toBe('*.test');
    expect(table.lookup('test')?.name).toBe('*');
    expect(table.lookup('[::1]')?.name).toBe('*');
  });

  it('knows no host that nothing matches', () => {
    const table = new Table();
    table.apply(recorded(created, routed('*.a.test')));
    expect(table.lookup('a.test')).toBeUndefined();
    expect(table.lookup('xa.test')).toBeUndefined();
  });

  it('lets who holds a pool see a backend that came later, and miss one that went', () => {
    const table = new Table();
    const events = recorded(created, routed('a.test'), added, [
      'pool-web',
      { type: 'BackendRemoved', data: { id: one } },
    ]);
    table.apply(events.slice(0, 2));
    const held = table.lookup('a.test')?.pool;
    table.apply(events.slice(2, 3));
    expect(held?.backends.get(keyOf('web.1'))?.address).toEqual({ host: '127.0.0.1', port: 1 });
    table.apply(events.slice(3));
    expect(held?.backends.size).toBe(0);
  });

  it('says until when a backend that is drained has to finish, and that one put up again has not', () => {
    const told: (string | number)[] = [];
    const table = new Table();
    table.followedBy({ cutAt: (pool, id, atMs) => told.push(pool, id, atMs), gone() {} });
    const drained = ['pool-web', { type: 'BackendDrainStarted', data: { id: one, untilMs: 5000 } }] as const;
    const changed = { id: one, backend: { address: '127.0.0.1:1' } };
    const again = ['pool-web', { type: 'BackendChanged', data: changed }] as const;
    const events = recorded(created, added, drained, again);
    table.apply(events.slice(0, 2));
    told.length = 0;
    table.apply(events.slice(0, 3));
    expect(told).toEqual([web, one, 5000]);
    table.apply(events);
    expect(told.slice(3)).toEqual([web, one, Number.POSITIVE_INFINITY]);
  });

  it('takes a pool that goes and comes again at once for what came', () => {
    const table = new Table();
    const removed = ['pool-web', { type: 'PoolRemoved', data: {} }] as const;
    table.apply(recorded(created, added, routed('a.test'), removed, created));
    expect(table.lookup('a.test')?.pool?.backends.size).toBe(0);
    table.apply(recorded(created, added, routed('a.test'), removed, created, removed, created, added));
    expect([...(table.lookup('a.test')?.pool?.backends.keys() ?? [])]).toEqual([keyOf('web.1')]);
    expect(table.position).toBe(8);
  });

  it('applies an event once, whatever it is sent twice', () => {
    const table = new Table();
    const events = recorded(created, added, routed('a.test'));
    table.apply(events);
    table.apply(events);
    expect(table.size).toEqual({ domains: 1, pools: 1 });
    expect(table.position).toBe(3);
  });

  it('has nobody back whom it read to be gone, whatever it is sent of before', async () => {
    await using log = createMemoryLog({ now: () => 0 });
    await log.append(append([write(EXAMPLE, 0, [domainCreated()])]));
    await log.append(append([write(EXAMPLE, 1, [{ type: 'DomainRemoved', data: {} }], null)]));
    const table = new Table();
    table.load(log.reader, (error) => {
      throw error;
    });
    table.apply(await log.read({ limit: 1 }));
    expect(table.lookup('example.com')).toBeUndefined();
    expect(table.position).toBe(2);
  });

  it('forgets a domain and a pool that were removed', () => {
    const table = new Table();
    table.apply(
      recorded(
        created,
        routed('a.test'),
        ['domain-a.test', { type: 'DomainRemoved', data: {} }],
        ['pool-web', { type: 'PoolRemoved', data: {} }],
      ),
    );
    expect(table.lookup('a.test')).toBeUndefined();
    expect(table.pool(keyOf('web'))).toBeUndefined();
    expect(table.size).toEqual({ domains: 0, pools: 0 });
  });

  it('shows who is on the way to a pool that was removed no backend of it, and where it comes again those that it has then', () => {
    const table = new Table();
    const elsewhere = { id: one, backend: { address: '127.0.0.1:2' } };
    const events = recorded(
      created,
      routed('a.test'),
      added,
      ['pool-web', { type: 'PoolRemoved', data: {} }],
      created,
      ['pool-web', { type: 'BackendAdded', data: elsewhere }],
    );
    table.apply(events.slice(0, 3));
    const held = table.lookup('a.test')?.pool;
    table.apply(events.slice(3, 4));
    expect(held?.backends.size).toBe(0);
    table.apply(events.slice(4));
    expect(held?.backends.get(keyOf('web.1'))?.address).toEqual({ host: '127.0.0.1', port: 2 });
  });

  it('gives a domain what it asks for beside its pool', () => {
    const table = new Table();
    const settings = {
      pool: web,
      maintenance: true,
      maxInFlight: 3,
      headers: { request: { 'X-Tenant': 'a', Y_Z: 'b' } },
    };
    table.apply(
      recorded(created, [`domain-${domain('a.test')}`, { type: 'DomainCreated', data: { settings } }]),
    );
    const features = table.lookup('a.test')?.features;
    expect(features).toMatchObject({
      maintenance: true,
      maxInFlight: 3,
      requestFields: ['X-Tenant', 'a', 'Y_Z', 'b'],
    });
    expect(features?.requestNames).toEqual(new Set(['x-tenant', 'y-z']));
  });
});
