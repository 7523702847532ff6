/** Two pools whose names have one key would be one in shared memory: neither would be served as it should be. */
import { keyOf } from '../key.ts';
import { ownerNameOf } from '../names.ts';

/** A pool that is to be made, and one of the same key that there is, or that is made with it. */
export type PoolClash = { readonly pool: string; readonly other: string };

type Creating = {
  readonly stream: string;
  readonly events: readonly { readonly type: string }[];
};

/** The pool that there is of a key. */
export type PoolOfKey = (key: number) => string | undefined;

/** `present`: asked once, where a pool is to be made. */
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
