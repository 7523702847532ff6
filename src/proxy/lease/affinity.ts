/**
 * Sticky sessions: a cookie that names the backend a client had, so that it returns there. Its value is a tag that
 * only this router can make and that tells others nothing; any other value counts as none.
 */
import { asked, type Hop, type RequestHead } from '../../wire/index.ts';
import type { KeyedDigest } from '../keyed-digest.ts';
import { Choice } from '../route/choice.ts';
import { cookieOf } from '../route/request-part.ts';
import type { BackendRoute, PoolRoute } from '../routing-table.ts';

/** The part of a request that determines its home, and where the result is recorded. */
type Guest = {
  choice: Choice | undefined;
  readonly head: RequestHead;
  readonly client: { readonly hop: Hop };
  readonly startedAtMs: number;
};

type Tags = ReadonlyMap<string, number>;

export class Affinity {
  readonly #digest: KeyedDigest;
  // Pools and backends are new objects after each change; a backend that did not change keeps its tag.
  readonly #tags = new WeakMap<PoolRoute, Tags>();
  readonly #made = new WeakMap<BackendRoute, string>();

  constructor(digest: KeyedDigest) {
    this.#digest = digest;
  }

  /** Finds the request's home, if it has one. */
  look(guest: Guest, pool: PoolRoute, cookie: string): Choice {
    guest.choice ??= new Choice();
    const { choice, head, startedAtMs } = guest;
    const value = cookieOf(head, cookie);
    const key = value === '' ? 0 : (this.#tagsOf(pool).get(value) ?? 0);
    choice.home = mayReturn(pool.backends.get(key), startedAtMs) ? key : 0;
    choice.affinity = value === '' ? 'none' : key === 0 ? 'unknown' : 'moved';
    return choice;
  }

  /** Records that this backend serves the request; if it is not the client's home, a cookie makes it that. */
  served(guest: Guest, pool: PoolRoute, backend: BackendRoute): void {
    const { affinity } = pool.settings;
    const { choice } = guest;
    if (choice === undefined || affinity === false) return;
    // While the request waited, a home that was away when it was looked for may have come back.
    if (choice.home === backend.key || cookieOf(guest.head, affinity.cookie) === this.#tagOf(pool, backend)) {
      choice.affinity = 'home';
      choice.setCookie = '';
      return;
    }
    // A home that failed is no longer the home.
    if (choice.affinity === 'home') choice.affinity = 'moved';
    const secure = isSecure(guest) ? '; Secure' : '';
    const tag = this.#tagOf(pool, backend);
    choice.setCookie = `${affinity.cookie}=${tag}; Path=/; HttpOnly; SameSite=Lax${secure}`;
  }

  #tagsOf(pool: PoolRoute): Tags {
    const known = this.#tags.get(pool);
    if (known !== undefined) return known;
    const tags = new Map<string, number>();
    for (const backend of pool.backends.values()) tags.set(this.#tagOf(pool, backend), backend.key);
    this.#tags.set(pool, tags);
    return tags;
  }

  #tagOf(pool: PoolRoute, backend: BackendRoute): string {
    const tag = this.#made.get(backend) ?? this.#digest.tag(`affinity ${pool.name} ${backend.id}`);
    this.#made.set(backend, tag);
    return tag;
  }
}

/** A client may return to a draining backend until its deadline. */
function mayReturn(backend: BackendRoute | undefined, nowMs: number): boolean {
  return backend !== undefined && (backend.cutAtMs === undefined || nowMs < backend.cutAtMs);
}

function isSecure({ client, head }: Guest): boolean {
  return asked(head, client.hop).isSecure;
}
