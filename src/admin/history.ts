/** Routing as it was: the log folded up to a position or a moment. */
import { type DomainState, evolveOwner, kindOf, type PoolState, type Present } from '../../actors/index.ts';
import type { DomainName, PoolName, Recorded, StreamName } from '../../eventlog/index.ts';
import type { History } from './ports.ts';

export type Until =
  /** Inclusive. */
  | { readonly type: 'position'; readonly position: number }
  /** Epoch milliseconds; all that was recorded then or before. */
  | { readonly type: 'moment'; readonly ms: number };

const PAGE = 1000;

export async function presentAt(log: History, until: Until): Promise<Present> {
  const states = new Map<StreamName, unknown>();
  let position = 0;
  const to = until.type === 'position' ? until.position : await log.position();
  while (position < to) {
    const events = await log.read({ from: position + 1, to, limit: PAGE });
    if (events.length === 0) break;
    for (const event of events) {
      if (isAfter(event, until)) return presentOf(states, position);
      states.set(event.stream, evolveOwner(event.stream, states.get(event.stream) ?? null, event));
      position = event.position;
    }
    // The thread that folds also answers everybody else.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return presentOf(states, position);
}

// Recorded times never decrease, so the first one after the moment ends the reading.
function isAfter(event: Recorded, until: Until): boolean {
  return until.type === 'moment' && event.recordedAtMs > until.ms;
}

function presentOf(states: ReadonlyMap<StreamName, unknown>, position: number): Present {
  const domains = new Map<DomainName, NonNullable<DomainState>>();
  const pools = new Map<PoolName, NonNullable<PoolState>>();
  for (const [stream, state] of states) {
    if (state === null) continue;
    const kind = kindOf(stream);
    const name = stream.slice(kind.length + 1);
    if (kind === 'domain') domains.set(name as DomainName, state as NonNullable<DomainState>);
    else pools.set(name as PoolName, state as NonNullable<PoolState>);
  }
  return { position, domains, pools };
}
