/**
 * Every owner's state from its events up to a position, in order of name, one after the other, so that only one is in
 * memory. Nothing stored beside the events is trusted.
 */

import { EventUnreadable } from '../errors.ts';
import { canonicalJson } from '../events/canonical.ts';
import { codec } from '../events/codec.ts';
import type { ChainedEvent } from '../events/stored-event.ts';
import type { Json } from '../json.ts';
import type { LogInspection, StoredCurrent, StreamPlace } from '../log-reader.ts';
import { kindOf } from '../names.ts';
import type { Position } from '../position.ts';
import { baseStatesOf } from './base-states.ts';
import type { ProjectionOf } from './replay.ts';

export type FoldWish = {
  readonly log: LogInspection;
  readonly to: Position;
  readonly projectionOf: ProjectionOf;
  /** Called between pages. */
  readonly breathe: () => Promise<void>;
};

type Owner = { readonly stream: string; version: number; state: Json };

const PAGE = 1000;
const CHARACTERS = 1_048_576;

/**
 * Includes removed owners, with state `null`. Throws `EventUnreadable` if an event cannot be read, or the index does not
 * lead to it.
 */
async function* foldedOwners(wish: FoldWish): AsyncGenerator<StoredCurrent, undefined> {
  const projections = { domain: wish.projectionOf('domain'), pool: wish.projectionOf('pool') };
  const bases = baseOwners(wish.log);
  let base = bases.next().value;
  let owner: Owner | undefined;
  for await (const event of eventsByStream(wish)) {
    const { initial, evolve } = projections[kindOf(event.stream)];
    if (event.stream !== owner?.stream) {
      if (owner !== undefined) yield rowOf(owner);
      for (; base !== undefined && base.stream < event.stream; base = bases.next().value) yield rowOf(base);
      owner = { stream: event.stream, version: 0, state: initial };
      if (base?.stream === event.stream) {
        owner = base;
        base = bases.next().value;
      }
    }
    requireNext(event, owner.version);
    owner.state = evolve(owner.state, codec.decode(event));
    owner.version = event.version;
  }
  if (owner !== undefined) yield rowOf(owner);
  for (; base !== undefined; base = bases.next().value) yield rowOf(base);
}

/** The same in pages, for whatever writes them. */
export async function* pagesOfOwners(wish: FoldWish): AsyncGenerator<readonly StoredCurrent[], undefined> {
  let page: StoredCurrent[] = [];
  let characters = 0;
  for await (const row of foldedOwners(wish)) {
    page.push(row);
    characters += row.state.length;
    if (page.length < PAGE && characters < CHARACTERS) continue;
    yield page;
    page = [];
    characters = 0;
    await wish.breathe();
  }
  if (page.length > 0) yield page;
}

async function* eventsByStream({ log, to, breathe }: FoldWish): AsyncGenerator<ChainedEvent, undefined> {
  const begin = log.base()?.position ?? 0;
  let after: StreamPlace = { stream: '', version: 0 };
  for (let left = to - begin; left > 0; await breathe()) {
    const page = log.storedEventsByStream(after, { to, limit: PAGE, characters: CHARACTERS });
    if (page.length === 0)
      throw new EventUnreadable(to, 'the log', `expected ${left} more up to here by stream, found none`);
    yield* page;
    after = page.at(-1)!;
    left -= page.length;
  }
}

function* baseOwners(log: LogInspection): Generator<Owner, undefined> {
  for (const { stream, version, state, intact } of baseStatesOf(log)) {
    if (!intact)
      throw new EventUnreadable(0, stream, 'expected the base as it was written, found it damaged');
    yield { stream, version, state: JSON.parse(state) as Json };
  }
}

function requireNext({ stream, version, position }: ChainedEvent, before: number): void {
  if (version === before + 1) return;
  throw new EventUnreadable(position, stream, `expected version ${before + 1} here, found ${version}`);
}

function rowOf({ stream, version, state }: Owner): StoredCurrent {
  return { stream, version, state: canonicalJson(state) };
}
