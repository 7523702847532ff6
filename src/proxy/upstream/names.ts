/**
 * Addresses of backends given by name. The system resolves them (its hosts file, search path, DNS), and the DNS says
 * for how long they hold. While nobody can be asked, or answers in time, the last good answer is kept.
 */
import { promises as dns, type LookupAddress, type RecordWithTtl } from 'node:dns';
import type { LookupFunction } from 'node:net';

export type NameSources = {
  /** The system's answer, which does not say how long it is valid. */
  readonly addresses: (host: string) => Promise<readonly LookupAddress[]>;
  /** DNS records with their times to live in seconds; rejects if there are none. */
  readonly records: (host: string) => Promise<readonly RecordWithTtl[]>;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
};

export const systemNames: NameSources = {
  addresses: (host) => dns.lookup(host, { all: true, verbatim: true }),
  records: (host) => dns.resolve4(host, { ttl: true }).catch(() => dns.resolve6(host, { ttl: true })),
  now: () => performance.now(),
};

type Answer = { readonly addresses: readonly LookupAddress[]; untilMs: number };

// At least 1 s: a TTL of 0 must not cost a query per connection. At most an hour: a TTL of a day set by mistake does no
// more harm than that.
const LEAST_MS = 1000;
const MOST_MS = 3_600_000;
// 30 s: for answers without a TTL, such as those of the hosts file, and until the DNS has said it.
const UNTOLD_MS = 30_000;
// 5 s: when a failed query is repeated.
const RETRY_MS = 5000;
// 1 s: how long a new answer is waited for if there is an old one. The waiting request has 5 s to connect.
const PATIENCE_MS = 1000;
// 10 000: as many backends as a large mesh has; the oldest names go first.
const MAX_NAMES = 10_000;

export class Names {
  readonly #sources: NameSources;
  readonly #known = new Map<string, Answer>();
  readonly #asked = new Map<string, Promise<Answer>>();

  constructor(sources: NameSources) {
    this.#sources = sources;
  }

  /** The `lookup` option of `net.connect`. */
  readonly lookup: LookupFunction = (host, options, callback) => {
    this.#of(host).then(
      ({ addresses }) => {
        const first = addresses[0];
        if (options.all === true) callback(null, [...addresses]);
        else callback(null, first?.address ?? '', first?.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };

  #of(host: string): Promise<Answer> {
    const known = this.#known.get(host);
    if (known !== undefined && known.untilMs > this.#sources.now()) return Promise.resolve(known);
    const asked = this.#asked.get(host) ?? this.#ask(host);
    this.#asked.set(host, asked);
    return known === undefined ? asked : this.#renewed(host, asked, known);
  }

  async #ask(host: string): Promise<Answer> {
    try {
      return this.#keep(host, await this.#fresh(host));
    } finally {
      this.#asked.delete(host);
    }
  }

  /** A query that is late goes on; its answer serves later connections. */
  async #renewed(host: string, asked: Promise<Answer>, known: Answer): Promise<Answer> {
    try {
      return await inTime(asked);
    } catch {
      known.untilMs = this.#sources.now() + RETRY_MS;
      return this.#keep(host, known);
    }
  }

  /** The TTL is not waited for; it is entered into the answer when it arrives. */
  async #fresh(host: string): Promise<Answer> {
    const { addresses, records, now } = this.#sources;
    const askedAtMs = now();
    const answer: Answer = { addresses: await addresses(host), untilMs: askedAtMs + UNTOLD_MS };
    records(host).then(
      (found) => {
        const lifeMs = Math.min(...found.map((record) => record.ttl)) * 1000;
        answer.untilMs = askedAtMs + Math.min(MOST_MS, Math.max(LEAST_MS, lifeMs));
      },
      () => {},
    );
    return answer;
  }

  #keep(host: string, answer: Answer): Answer {
    this.#known.delete(host);
    this.#known.set(host, answer);
    if (this.#known.size > MAX_NAMES) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    return answer;
  }
}

/** One per thread: what a name resolves to does not depend on the plane. */
export const NAMES = new Names(systemNames);

async function inTime<T>(asked: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('late')), PATIENCE_MS);
  try {
    return await Promise.race([asked, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
