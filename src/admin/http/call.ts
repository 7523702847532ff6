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
   * The body as it is, bounded; undefined when there is none. Others may have to wait until it is let go of, which it is at
   * the end of the call at the latest. Throws `Refused`.
   */
  readonly whole: () => Promise<HeldBody | undefined>;
  /** The body as it comes, of any length. Throws `Refused` where nothing comes for so long, 60 s by default. */
  readonly bytes: (withinMs?: number) => AsyncIterable<Uint8Array>;
  /** Aborted when whoever asked has gone. */
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
