/** Who decides about one request where a program embeds the plane: in the place of routing table and ledger. */
import type { OutcomeType } from '../../actors/index.ts';
import type { Fields } from '../wire/index.ts';
import type { UpstreamConnection } from './upstream/connection.ts';

/** An answer that is not a backend's. */
export type Answer = {
  readonly status: number;
  /** Name, value, name, value, checked to be field names and values; what frames the message is not among them. */
  readonly fields: Fields;
  readonly body: string | Uint8Array;
};

/**
 * Made for each request whose head is sound. What it is asked it answers at once or later by the exchange; what
 * comes after `patienceMs` comes too late. It never throws.
 */
export interface Delegate {
  readonly patienceMs: number;
  /** Answered by one of the exchange's `found`, `redirect` and `turnAway`. */
  route(): void;
  /** A connection to the backend stands. True: the request may be sent; false: `proceed` will say when. */
  prepare(connection: UpstreamConnection): boolean;
  /** The request ended badly, and the client can still be told. Undefined: the router's own page; later: by `tell`. */
  page(type: OutcomeType): Answer | undefined | 'later';
  /** The request is over for the client. Its lease may still be out for a moment. */
  settled(): void;
}
