import { describe, expect, it } from 'vitest';
import { evolveOwner } from '../actors/index.ts';
import type { Json, Recorded, StreamName } from '../eventlog/index.ts';
import { projectionOf } from '../src/projection.ts';

type Pool = { readonly backends: object };

function happened(pool: string, version: number): Recorded {
  const data = { id: `b.${version}`, backend: { address: '127.0.0.1:9001' } };
  return { type: 'BackendAdded', data, stream: `pool-${pool}`, version } as unknown as Recorded;
}

describe('the projection of owners', () => {
  it('copies the backends of a pool once in a fold, also where pools take turns', () => {
    const { evolve } = projectionOf('pool');
    const states: { [pool: string]: Json } = { web: null, api: null };
    const made = new Set<object>();
    for (let version = 1; version <= 50; version++)
      for (const pool of ['web', 'api']) {
        states[pool] = evolve(states[pool] ?? null, happened(pool, version));
        made.add((states[pool] as unknown as Pool).backends);
      }
    expect(made.size).toBe(2);
    expect(Object.keys((states['web'] as unknown as Pool).backends)).toHaveLength(50);
  });

  it('leaves alone what another fold made', () => {
    const stream = 'pool-web' as StreamName;
    const before = evolveOwner(stream, null, happened('web', 1)) as unknown as Json;
    const text = JSON.stringify(before);
    const between = projectionOf('pool').evolve(before, happened('web', 2));
    projectionOf('pool').evolve(between, happened('web', 3));
    expect(JSON.stringify(before)).toBe(text);
    expect(Object.keys((between as unknown as Pool).backends)).toHaveLength(2);
  });
});
