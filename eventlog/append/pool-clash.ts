/** Finds two pools whose names have the same key: in shared memory they would be one, and neither would be served correctly. */
import { keyOf } from '../key.ts';
import { ownerNameOf } from '../names.ts';

/** A pool to be made, and one with the same key that exists or is made with it. */
export type PoolClash = { readonly pool: string; readonly other: string };

type Creating = {
  readonly stream: string;
  readonly events: readonly { readonly type: string }[];
};

/** The existing pool with a key. */
export type PoolOfKey = (key: number) => string | undefined;

/** `present`: called once, and only if a pool is to be made. */
export function poolClashIn(writes: readonly Creating[], present: () => PoolOfKey): PoolClash | undefined {
  let made: Map<number, string> | undefined;
  let poolOf: PoolOfKey | undefined;
  for (const { stream, events } of writes) {
    if (events[0]?.type !== 'PoolCreated') continue;
    const pool = ownerNameOf(stream);
    const key = keyOf(pool);
    poolOf ??= present();
    const other = made?.get(key) ?? poolOf(key);
    if (other !== undefined && other !== pool) return { pool, other };
    made ??= new Map();
    made.set(key, pool);
  }
  return undefined;
}
