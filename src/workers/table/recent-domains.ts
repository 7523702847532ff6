/**
 * The latest events of domains that a table does not hold: a request for a domain that just changed uses them, and
 * need not read the log, which takes a quarter of a millisecond under load. Each event of a domain contains its
 * complete state.
 */
import { type DomainState, evolveOwner } from '../../../actors/index.ts';
import { kindOf, type Recorded, type StreamName } from '../../../eventlog/index.ts';

type Heard = { readonly state: DomainState; readonly version: number };

// Half a megabyte. Older events are read from the log.
const MOST = 1000;

export class RecentDomains {
  readonly #heard = new Map<StreamName, Heard>();

  hear(event: Recorded): void {
    const { stream, version } = event;
    if (kindOf(stream) !== 'domain') return;
    const state = evolveOwner(stream, null, event) as DomainState;
    // Reinserted, so that the map's order is by age.
    this.#heard.delete(stream);
    if (state !== null) this.#heard.set(stream, { state, version });
    if (this.#heard.size > MOST) this.#forgetOldest();
  }

  /** The caller holds the state from then on. */
  take(stream: StreamName): Heard | undefined {
    const heard = this.#heard.get(stream);
    if (heard !== undefined) this.#heard.delete(stream);
    return heard;
  }

  /** Something happened to the domain that News was not told. */
  forget(stream: StreamName): void {
    this.#heard.delete(stream);
  }

  clear(): void {
    this.#heard.clear();
  }

  #forgetOldest(): void {
    const [oldest] = this.#heard.keys();
    if (oldest !== undefined) this.#heard.delete(oldest);
  }
}
