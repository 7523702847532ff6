/**
 * Addresses of backends given by name. The system resolves them (its hosts file, search path, DNS), and the DNS says
 * for how long they hold. While nobody can be asked, or answers in time, the last good answer is kept.
 */
import { promises as dns, type LookupAddress, type RecordWithTtl } from 'node:dns';
import type { LookupFunction } from 'node:net';

export type NameSources = {
  /** What the system answers; it does not say how long that holds. */
  readonly addresses: (host: string) => Promise<readonly LookupAddress[]>;
  /** The DNS's own records, with their times to live in seconds; rejects where it has none. */
  readonly records: (host: string) => Promise<readonly RecordWithTtl[]>;
  /** Milliseconds of a clock that nobody sets. */
  readonly now: () => number;
};

export const systemNames: NameSources = {
  addresses: (host) => dns.lookup(host, { all: true, verbatim: true }),
  records: (host) => dns.resolve4(host, { ttl: true }).catch(() => dns.resolve6(host, { ttl: true })),
  now: () => performance.now(),
};

type Answer = { readonly addresses: readonly LookupAddress[]; untilMs: number };

// 1 s at least: a record with no time to live must not cost a question per connection. An hour at most: a slip of a
// day in a zone is mended in an hour.
const LEAST_MS = 1000;
const MOST_MS = 3_600_000;
// 30 s: for what nobody gives a life, such as the hosts file, and until the DNS has said it.
const UNTOLD_MS = 30_000;
// 5 s: how soon a name that could not be asked for is asked for again.
const RETRY_MS = 5000;
// 1 s: how long a new answer is waited for where there is an old one. Whoever waits is connecting, which has 5 s in all.
const PATIENCE_MS = 1000;
// 10 000: as many names as a large mesh has backends; the oldest go first.
const MAX_NAMES = 10_000;

export class Names {
  readonly #sources: NameSources;
  readonly #known = new Map<string, Answer>();
  readonly #asked = new Map<string, Promise<Answer>>();

  constructor(sources: NameSources) {
    this.#sources = sources;
  }

  /** As `net.connect` wants it. */
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

  /** A question that is late goes on: its answer is for those who come then. */
  async #renewed(host: string, asked: Promise<Answer>, known: Answer): Promise<Answer> {
    try {
      return await inTime(asked);
    } catch {
      known.untilMs = this.#sources.now() + RETRY_MS;
      return this.#keep(host, known);
    }
  }

  /** Nobody waits for the time to live: it is written into the answer when it comes. */
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

/** Of this thread: what a name means does not depend on who asks. */
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
