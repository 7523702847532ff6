/** `replay --policy …`: the record of pools beside a simulation of the same traffic with something changed. */
import { parseStreamName, renderTime, type TimeRange } from '../../../eventlog/index.ts';
import { type Moment, requireEvents, timeBetween } from '../moment.ts';
import type { Room } from '../room.ts';
import { Unanswerable } from '../unanswerable.ts';
import type { Alteration } from './alteration.ts';
import { assumptionsOf } from './assumptions.ts';
import { PoolLook, type PoolWhatIf } from './pool-look.ts';

export type WhatIfWish = Alteration & {
  readonly from?: Moment;
  readonly to?: Moment;
  /** This pool alone. */
  readonly pool?: string;
};

export type WhatIf = {
  readonly pools: readonly PoolWhatIf[];
  readonly assumptions: readonly string[];
  readonly gaps: readonly { readonly from: string; readonly to: string; readonly cause: string }[];
  /** The parts of the journal that could not be read. */
  readonly damaged: readonly string[];
};

export type Progress = { readonly pool: string; readonly requests: number };

export async function* whatIf(wish: WhatIfWish, room: Room): AsyncGenerator<Progress, WhatIf> {
  const journal = room.journal();
  const range = timeBetween(room.log, wish.from, wish.to);
  const pools: PoolWhatIf[] = [];
  for (const pool of poolsOf(room, wish, range)) {
    const looked = new PoolLook(pool, wish, range, room);
    for await (const requests of looked.all()) yield { pool, requests };
    const found = looked.found();
    if (found !== undefined) pools.push(found);
  }
  if (pools.length === 0) throw new Unanswerable('invalid_query', nothingOf(room, wish));
  const gaps = journal
    .gaps()
    .filter(({ fromMs, toMs }) => toMs >= (range.fromMs ?? 0) && fromMs <= (range.toMs ?? Number.MAX_VALUE))
    .map(({ fromMs, toMs, cause }) => ({ from: renderTime(fromMs), to: renderTime(toMs), cause }));
  return { pools, assumptions: assumptionsOf(wish), gaps, damaged: room.damage() };
}

/** The pools for which something would change. */
function poolsOf(
  room: Room,
  { pool, without, with: set, policy, backends }: WhatIfWish,
  range: TimeRange,
): string[] {
  const journal = room.journal();
  const touched = [...(without ?? []).map((position) => poolOf(room, position)), ...Object.keys(set ?? {})];
  if (pool !== undefined) return [pool];
  if (policy === undefined && backends === undefined && touched.length > 0) return [...new Set(touched)];
  return [...journal.pools(range)].map((key) => journal.nameOf(key)).filter((name) => name !== undefined);
}

function poolOf({ log }: Room, position: number): string {
  requireEvents(log, position, 'without');
  const event = log.storedEvents(position, 1)[0];
  if (event === undefined || event.position !== position)
    throw new Unanswerable(
      'invalid_query',
      `without: expected a position up to ${log.position()}, found ${position}`,
    );
  const parsed = parseStreamName(event.stream);
  if (parsed.ok && parsed.value.owner.kind === 'pool') return parsed.value.owner.name;
  const detail =
    `without: expected an event of a pool, found ${event.type} of ${event.stream}; ` +
    'which requests come to a pool is taken as it is recorded';
  throw new Unanswerable('invalid_query', detail);
}

function nothingOf(room: Room, { pool }: WhatIfWish): string {
  const span = room.journal().span();
  const since = [
    span === undefined ? 'has no requests' : `begins at ${renderTime(span.fromMs)}`,
    ...room.damage(),
  ].join('; ');
  return `expected requests${pool === undefined ? '' : ` of pool ${pool}`} in that time, found none that can be simulated; the journal ${since}`;
}
