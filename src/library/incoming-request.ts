/** A request as the embedding program sees it. */
import type { Delegated } from '../proxy/index.ts';

export interface IncomingRequest<State = undefined> {
  /** As sent to the backend and written to the log. */
  readonly id: string;
  readonly method: string;
  /** Path and query, as received; `*` for OPTIONS of the whole server. */
  readonly target: string;
  /** The target up to the question mark. */
  readonly path: string;
  /** After the question mark; empty if there is none. */
  readonly query: string;
  readonly version: '1.0' | '1.1';
  /** The Host field as received. */
  readonly host: string;
  /** As received, in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The values of a field, joined by `, `. */
  header(name: string): string | undefined;
  readonly client: ClientFacts;
  /** When the head was complete, in epoch milliseconds. */
  readonly receivedAtMs: number;
  /** Aborted when the request ends without a response, for example because the client left: for `fetch` and the like. */
  readonly signal: AbortSignal;
  /** The value of `init`; the program may change it. */
  state: State;
}

export type ClientFacts = {
  /** From the socket, or from the load balancer's PROXY header. */
  readonly address: string;
  readonly port: number;
  /** Whether the client used TLS, according to a load balancer. */
  readonly isSecure: boolean;
  /** The port that the client connected to. */
  readonly listenerPort: number;
  /** From the TLVs of a PROXY header; empty if there are none. */
  readonly serverName: string;
  readonly alpn: string;
};

export class RequestFacts<State> implements IncomingRequest<State> {
  readonly #exchange: Delegated;
  #controller: AbortController | undefined;
  #hasEnded = false;
  state: State;

  constructor(exchange: Delegated, state: State) {
    this.#exchange = exchange;
    this.state = state;
  }

  get id(): string {
    return this.#exchange.requestId;
  }

  get method(): string {
    return this.#exchange.head.method;
  }

  get target(): string {
    return this.#exchange.head.target;
  }

  get path(): string {
    const { target } = this;
    const mark = target.indexOf('?');
    return mark === -1 ? target : target.slice(0, mark);
  }

  get query(): string {
    const { target } = this;
    const mark = target.indexOf('?');
    return mark === -1 ? '' : target.slice(mark + 1);
  }

  get version(): '1.0' | '1.1' {
    return this.#exchange.head.version === 0 ? '1.0' : '1.1';
  }

  get host(): string {
    return this.#exchange.head.host;
  }

  get headers(): readonly (readonly [string, string])[] {
    return pairs(this.#exchange.head.fields);
  }

  header(name: string): string | undefined {
    const wanted = name.toLowerCase();
    const found = this.headers.filter(([one]) => one.toLowerCase() === wanted);
    return found.length === 0 ? undefined : found.map(([, value]) => value).join(', ');
  }

  get client(): ClientFacts {
    const { hop, preface, socket } = this.#exchange.client;
    return {
      address: hop.address,
      port: preface?.sourcePort || (socket.remotePort ?? 0),
      isSecure: hop.isSecure,
      listenerPort: hop.port,
      serverName: preface?.serverName ?? '',
      alpn: preface?.alpn ?? '',
    };
  }

  get receivedAtMs(): number {
    return this.#exchange.startedAtMs;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#hasEnded) this.#controller.abort();
    return this.#controller.signal;
  }

  /** Nobody waits for the request any more. */
  abort(): void {
    this.#hasEnded = true;
    this.#controller?.abort();
  }
}

export function pairs(fields: readonly string[]): (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  for (let i = 0; i < fields.length; i += 2) found.push([fields[i] ?? '', fields[i + 1] ?? '']);
  return found;
}
