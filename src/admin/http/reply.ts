/** What a handler answers, as a value; `send.ts` puts it on the wire. */
export type Reply =
  | { readonly type: 'json'; readonly status: number; readonly headers?: Headers; readonly value: unknown }
  | { readonly type: 'text'; readonly status: number; readonly headers: Headers; readonly text: string }
  | { readonly type: 'empty'; readonly status: 204; readonly headers?: Headers }
  /** Poured out piece by piece; a throw after the first piece cuts the connection, so that the client notices. */
  | {
      readonly type: 'stream';
      readonly status: 200;
      readonly headers: Headers;
      /** It goes on reading the request's body, which is not to be discarded. */
      readonly isReading?: true;
      /** It has no end of its own, and ends when the admin closes; any other is whole, or its connection is cut. */
      readonly isEndless?: boolean;
      readonly pour: (outlet: Outlet) => Promise<void>;
    };

type Headers = Readonly<Record<string, string>>;

export interface Outlet {
  /** Resolves when there is room for more; false once `signal` is aborted. */
  write(piece: string | Uint8Array): Promise<boolean>;
  /** Aborted when the client has gone, and of an endless answer when the admin is closing. */
  readonly signal: AbortSignal;
}

export function json(value: unknown, headers: Headers = {}, status = 200): Reply {
  return { type: 'json', status, headers, value };
}
