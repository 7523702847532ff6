import { describe, expect, it } from 'vitest';
import { keyOf } from '../../../../actors/pool/ledger/key.ts';
import { consistentHash } from '../../../../actors/pool/policy/consistent-hash.ts';
import { expectShares, plainField, row } from './plain-field.ts';

const KEYS = 20_000;
const ids = ['a', 'b', 'c', 'd', 'e'];
const named = (id: string, more: Parameters<typeof row>[0] = {}) => row({ key: keyOf(id), ...more });

function homes(rows: ReturnType<typeof row>[], keys = KEYS): number[] {
  const field = plainField(rows);
  return Array.from({ length: keys }, (_, i) => {
    field.hash = keyOf(`user ${i}`);
    return consistentHash(field);
  });
}

function shares(all: readonly number[], rows: number): number[] {
  const picked = Array.from({ length: rows }, () => 0);
  for (const row of all) picked[row]! += 1;
  return picked;
}

describe('consistent-hash', () => {
  it('spreads keys evenly', () => {
    expectShares(shares(homes(ids.map((id) => named(id))), 5), [1, 1, 1, 1, 1]);
  });

  it('spreads keys in proportion to weight', () => {
    const rows = ids.map((id, i) => named(id, { weight: [1, 2, 3, 10, 1000][i]! }));
    expectShares(shares(homes(rows), 5), [1, 2, 3, 10, 1000]);
  });

  it('draws nothing for a request with a key, and the least busy for one without', () => {
    const field = plainField([named('a', { inFlight: 2 }), named('b'), named('c', { inFlight: 1 })]);
    expect(consistentHash(field)).toBe(1);
    field.hash = keyOf('user');
    consistentHash(field);
    expect(field.draws).toBe(0);
  });

  it('takes a key to another backend while its own has five quarters of its share, and home again after', () => {
    const rows = ids.map((id) => named(id, { inFlight: 4 }));
    const [home] = homes(rows, 1);
    // 21 in flight with this one: a fifth and a quarter of that more is 5.25, and 6 would be above it.
    rows[home!]!.inFlight = 6;
    const [other] = homes(rows, 1);
    expect(other).not.toBe(home);
    rows[home!]!.inFlight = 4;
    expect(homes(rows, 1)).toEqual([home]);
  });

  it('sends the keys of a full backend to different ones', () => {
    const rows = ids.map((id) => named(id));
    const before = homes(rows);
    rows[0]!.open = false;
    const after = homes(rows);
    const moved = after.filter((_, i) => before[i] === 0);
    expectShares(shares(moved, 5), [0, 1, 1, 1, 1]);
  });
});
