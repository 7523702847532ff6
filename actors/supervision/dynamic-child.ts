/**
 * One of many children of one kind. There may be a million, so it holds little: what only a sick or awaited child needs is
 * made on demand.
 */
import { type ActorInfo, type LastError, messageOf } from './actor-info.ts';
import type { ActorState } from './census.ts';
import type { ChildEnd } from './child-spec.ts';
import type { Incarnation, Keeper } from './incarnation.ts';
import { HEALTHY, type Spell } from './parking.ts';

/** What the supervisor is told by its children. */
export interface DynamicChildOwner {
  readonly kind: string;
  startedIn(child: DynamicChild): void;
  endedIn(child: DynamicChild, end: ChildEnd): void;
}

/** The crashes of a child. */
export type Ailment = { spell: Spell; error: unknown; last: LastError; retryAtMs: number };

/** Who waits for a child: until it is settled, and until it has stopped. */
export type Interest = {
  readonly settled: (() => void)[];
  readonly stopped: (() => void)[];
  /** It was asked for again while it was stopping. */
  wanted: boolean;
};

export class DynamicChild implements Keeper {
  readonly id: string;
  readonly place: number;
  state: ActorState = 'stopped';
  restarts = 0;
  sinceMs = 0;
  life: Incarnation | undefined;
  ailment: Ailment | undefined;
  interest: Interest | undefined;
  readonly #owner: DynamicChildOwner;

  constructor(id: string, place: number, owner: DynamicChildOwner) {
    this.id = id;
    this.place = place;
    this.#owner = owner;
  }

  get kind(): string {
    return this.#owner.kind;
  }

  started(): void {
    this.#owner.startedIn(this);
  }

  ended(_: Incarnation, end: ChildEnd): void {
    this.#owner.endedIn(this, end);
  }

  awaited(): Interest {
    this.interest ??= { settled: [], stopped: [], wanted: false };
    return this.interest;
  }

  sicken(error: unknown, atMs: number): Ailment {
    const last = { message: messageOf(error), atMs };
    if (this.ailment === undefined) this.ailment = { spell: HEALTHY, error, last, retryAtMs: 0 };
    this.ailment.error = error;
    this.ailment.last = last;
    return this.ailment;
  }

  info(): ActorInfo {
    const { ailment, life, state } = this;
    const branch = life?.running?.branch;
    return {
      id: shownId(this.kind, this.id),
      kind: this.kind,
      state,
      restarts: this.restarts,
      sinceMs: this.sinceMs,
      ...(ailment && { lastError: ailment.last }),
      ...(ailment && state === 'parked' && { retryAtMs: ailment.retryAtMs }),
      ...(branch && { children: branch.counts() }),
    };
  }
}

/** Dynamic children are shown, and named in chaos, as `pool:web`. */
export function shownId(kind: string, id: string): string {
  return `${kind}:${id}`;
}
