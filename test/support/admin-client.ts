/** The admin API by its own words: one method a verb, the answer as a value whatever its status. */
import { Pool } from 'undici';

export type AdminOptions = {
  readonly author?: string;
  readonly token?: string;
};

export type Wish = {
  /** Makes a repeated command return its first answer. */
  readonly key?: string;
  /** The version this change builds on. */
  readonly ifMatch?: number;
  readonly prefer?: 'wait';
  readonly headers?: Readonly<Record<string, string>>;
};

export type Reply<Body = unknown> = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed where it is JSON, else the text. A caller that names its type is a test that fails where it is not. */
  readonly body: Body;
  /** From the ETag. */
  readonly version: number | undefined;
  readonly position: number | undefined;
};

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

export class AdminClient implements AsyncDisposable {
  readonly #client: Pool;
  readonly #fixed: Readonly<Record<string, string>>;

  constructor(address: string, options: AdminOptions = {}) {
    // 16: a command that waits for a drain must not hold up the others.
    this.#client = new Pool(`http://${address}`, { connections: 16, pipelining: 1 });
    this.#fixed = {
      'switchyard-author': options.author ?? 'test',
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    };
  }

  get<Body = unknown>(path: string, wish?: Wish): Promise<Reply<Body>> {
    return this.send<Body>('GET', path, undefined, wish);
  }
  put<Body = unknown>(path: string, body: object, wish?: Wish): Promise<Reply<Body>> {
    return this.send<Body>('PUT', path, body, wish);
  }
  post<Body = unknown>(path: string, body?: object, wish?: Wish): Promise<Reply<Body>> {
    return this.send<Body>('POST', path, body ?? {}, wish);
  }
  delete<Body = unknown>(path: string, wish?: Wish): Promise<Reply<Body>> {
    return this.send<Body>('DELETE', path, undefined, wish);
  }

  /** A string body goes as it is, so that what is no JSON can be sent too. */
  async send<Body = unknown>(
    method: Method,
    path: string,
    body?: object | string,
    wish: Wish = {},
  ): Promise<Reply<Body>> {
    const response = await this.#client.request({
      method,
      path,
      headers: {
        ...this.#fixed,
        ...headersOf(wish),
        ...(body === undefined ? {} : JSON_BODY),
        ...wish.headers,
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.body.text();
    const type = String(response.headers['content-type'] ?? '');
    return {
      status: response.statusCode,
      headers: response.headers,
      body: /json/.test(type) && !/ndjson/.test(type) ? JSON.parse(text) : text,
      version: numberIn(response.headers['etag']),
      position: numberIn(response.headers['switchyard-position']),
    };
  }

  /** Like the verbs, but anything that is no success is thrown: for setting a scene. */
  async must<Body = unknown>(method: Method, path: string, body?: object): Promise<Reply<Body>> {
    const reply = await this.send<Body>(method, path, body);
    if (reply.status < 300) return reply;
    throw new Error(
      `expected ${method} ${path} to succeed, found ${reply.status} ${JSON.stringify(reply.body)}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.destroy();
  }
}

export type LedgerRow = {
  readonly inFlight: number;
  readonly limit?: number | null;
  readonly state?: string;
};
export type LedgerFigures = {
  readonly waiting: number;
  readonly backends: Readonly<Record<string, LedgerRow>>;
};

/** What is under way in a pool right now. */
export async function ledgerOf(admin: AdminClient, pool: string): Promise<LedgerFigures> {
  return (await admin.must<LedgerFigures>('GET', `/v1/pools/${pool}/ledger`)).body;
}

export type Actor = {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly restarts: number;
};

/** The supervision tree, all pages of it. */
export async function actorsOf(admin: AdminClient): Promise<readonly Actor[]> {
  const actors: Actor[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const query: string = after === '' ? '' : `&after=${encodeURIComponent(after)}`;
    const { body } = await admin.must<ActorPage>('GET', `/v1/actors?limit=1000${query}`);
    actors.push(...body.items);
    after = body.next;
  }
  return actors;
}

type ActorPage = { readonly items: readonly Actor[]; readonly next: string | null };

const JSON_BODY = { 'content-type': 'application/json' };

function headersOf({ key, ifMatch, prefer }: Wish): Record<string, string> {
  return {
    ...(key === undefined ? {} : { 'idempotency-key': key }),
    ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
    ...(prefer === undefined ? {} : { prefer }),
  };
}

function numberIn(header: string | string[] | undefined): number | undefined {
  const digits = /\d+/.exec(String(header ?? ''))?.[0];
  return digits === undefined ? undefined : Number(digits);
}
