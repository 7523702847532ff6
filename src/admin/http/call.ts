/** One request to the admin API as handlers see it: matched, decoded, and authorised. */
import type { IncomingHttpHeaders } from 'node:http';

export type Call = {
  readonly method: string;
  /** Percent-decoded, by the name in the route's pattern. */
  readonly params: ReadonlyMap<string, string>;
  /** Only keys that the route lists, each at most once. */
  readonly query: ReadonlyMap<string, string>;
  readonly headers: IncomingHttpHeaders;
  /** The body parsed from JSON; undefined when there is none. Throws `Refused`. */
  readonly body: () => Promise<unknown>;
  /**
   * The body as bytes, bounded; undefined if there is none. Others may wait until it is released, which happens at the
   * end of the call at the latest. Throws `Refused`.
   */
  readonly whole: () => Promise<HeldBody | undefined>;
  /** The body as it arrives, of any length. Throws `Refused` if nothing arrives for this long, 60 s by default. */
  readonly bytes: (withinMs?: number) => AsyncIterable<Uint8Array>;
  /** Aborted when the client has gone. */
  readonly signal?: AbortSignal;
  /** Aborted when the client has gone or the admin is closing. */
  readonly gone: () => AbortSignal;
};

export interface HeldBody extends Disposable {
  readonly bytes: Uint8Array;
}

export function header(call: { readonly headers: IncomingHttpHeaders }, name: string): string | undefined {
  const value = call.headers[name];
  return typeof value === 'string' ? value : value?.join(', ');
}
