/** What a handler answers, as a value; `send.ts` puts it on the wire. */
export type Reply =
  | { readonly type: 'json'; readonly status: number; readonly headers?: Headers; readonly value: unknown }
  | { readonly type: 'text'; readonly status: number; readonly headers: Headers; readonly text: string }
  | { readonly type: 'empty'; readonly status: 204; readonly headers?: Headers }
  /** Streamed piece by piece; a throw after the first piece cuts the connection, so that the client notices. */
  | {
      readonly type: 'stream';
      readonly status: 200;
      readonly headers: Headers;
      /** The handler goes on reading the request's body, which must not be discarded. */
      readonly isReading?: true;
      /**
       * The response has no end of its own and ends when the admin API closes; any other is complete, or its connection
       * is cut.
       */
      readonly isEndless?: boolean;
      readonly pour: (outlet: Outlet) => Promise<void>;
    };

type Headers = Readonly<Record<string, string>>;

export interface Outlet {
  /** Resolves when there is room for more; false once `signal` is aborted. */
  write(piece: string | Uint8Array): Promise<boolean>;
  /** Aborted when the client has gone; for an endless response, also when the admin API is closing. */
  readonly signal: AbortSignal;
}

export function json(value: unknown, headers: Headers = {}, status = 200): Reply {
  return { type: 'json', status, headers, value };
}
