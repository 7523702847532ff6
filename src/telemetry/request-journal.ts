/** The way of one thread's requests to the journal: each is packed into the thread's ring when it ends. */
import type { OutcomeType, Phase } from '../../actors/index.ts';
import {
  AFFINITY_VERDICTS,
  type AffinityVerdict,
  codesOf,
  FinishedRequest,
  OTHER,
  parseRequestId,
  type RingProducer,
  WRITER_STATUS,
  writeName,
  writeRequest,
} from '../../eventlog/index.ts';
import { JOURNAL_WORDS } from './journal-words.ts';

/** What the journal records of a request that has ended; −1: did not happen. */
export type JournalledRequest = {
  /** Our id, from `RequestIds`. */
  readonly id: string;
  /** The sequence number in the id. */
  readonly sequence: number;
  /** The id under which it is logged: ours, or that of a trusted peer. */
  readonly requestId: string;
  readonly startedAtMs: number;
  readonly position: number;
  readonly phase: Phase;
  readonly outcome: { readonly type: OutcomeType; readonly phase: Phase } | undefined;
  readonly head: {
    readonly method: string;
    readonly target: string;
    readonly host: string;
    readonly version: 0 | 1;
  };
  readonly domain: { readonly name: string } | undefined;
  readonly pool: Named | undefined;
  readonly tenancy: JournalledTenancy | undefined;
  readonly connectStartedMs: number;
  readonly connectedAtMs: number;
  readonly firstByteAtMs: number;
  readonly status: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly choice?: JournalledChoice | undefined;
};

/** What was decided before the pool was asked. */
export type JournalledChoice = {
  readonly route: { readonly index: number } | undefined;
  readonly held: number;
  readonly draw: number;
  readonly hash: number;
  readonly affinity: AffinityVerdict | undefined;
};

export type JournalledTenancy = {
  readonly waitedMs: number;
  /** Attempts before the last. */
  readonly earlier: readonly JournalledAttempt[];
  /** The latest backend, and the ledger's ticket of the lease; 0: none. */
  readonly backendKey: number;
  readonly ticket: number;
  readonly leasedAtMs: number;
};

export type JournalledAttempt = {
  readonly backendKey: number;
  readonly ticket: number;
  readonly leasedAtMs: number;
  readonly end: OutcomeType | 'unused';
};

type Named = {
  readonly name: string;
  readonly key: number;
  readonly backends: ReadonlyMap<number, { readonly id: string }>;
};

// Keys named recently, by their low bits; a displaced one is named again, which is harmless.
const TOLD = 1024;

export class RequestJournal {
  readonly #ring: RingProducer;
  readonly #queryStrings: boolean;
  readonly #request = new FinishedRequest();
  readonly #methods = new Codes(JOURNAL_WORDS.methods);
  readonly #outcomes = new Codes(JOURNAL_WORDS.outcomes);
  readonly #phases = new Codes(JOURNAL_WORDS.phases);
  readonly #ends = new Codes(JOURNAL_WORDS.ends);
  readonly #told = new Float64Array(TOLD);
  #toldIn = -1;
  #isBegun = false;

  /** `ring`: this thread's. */
  constructor(ring: RingProducer, queryStrings: boolean) {
    this.#ring = ring;
    this.#queryStrings = queryStrings;
  }

  /** Never waits, and never throws if there is no room. */
  record(ended: JournalledRequest, nowMs: number): void {
    const request = this.#request;
    const { head, pool, tenancy, outcome } = ended;
    if (!this.#isBegun) this.#begin(ended.id);
    request.sequence = ended.sequence;
    request.startedAtMs = ended.startedAtMs;
    request.endedAtMs = nowMs;
    request.position = ended.position;
    request.method = this.#methods.of(head.method);
    request.methodName = request.method === OTHER ? head.method : '';
    request.isHttp10 = head.version === 0;
    request.host = head.host;
    request.target = head.target;
    request.domain = ended.domain === undefined ? '' : ended.domain.name;
    request.outcome = outcome === undefined ? OTHER : this.#outcomes.of(outcome.type);
    request.phase = this.#phases.of(outcome === undefined ? ended.phase : outcome.phase);
    request.connectStartedMs = ended.connectStartedMs;
    request.connectedAtMs = ended.connectedAtMs;
    request.firstByteAtMs = ended.firstByteAtMs;
    request.status = ended.status;
    request.bytesIn = ended.bytesIn;
    request.bytesOut = ended.bytesOut;
    request.peerId = ended.requestId === ended.id ? '' : ended.requestId;
    request.hasRouting = ended.choice !== undefined;
    if (ended.choice !== undefined) this.#tellChoice(ended.choice);
    request.poolKey = 0;
    request.attempts = 0;
    request.waitedMs = -1;
    if (pool !== undefined) {
      request.poolKey = pool.key;
      if (!this.#isTold(pool.key)) this.#tellName(pool.key, pool.name);
      if (tenancy !== undefined) this.#tell(pool, tenancy);
    }
    writeRequest(this.#ring, request, this.#queryStrings);
  }

  #tellChoice({ route, held, draw, hash, affinity }: JournalledChoice): void {
    const request = this.#request;
    request.route = route === undefined ? -1 : route.index;
    request.held = held;
    request.draw = draw;
    request.digest = hash;
    request.affinity = affinity === undefined ? 0 : 1 + AFFINITY_VERDICTS.indexOf(affinity);
  }

  #tell(pool: Named, tenancy: JournalledTenancy): void {
    const request = this.#request;
    request.waitedMs = tenancy.waitedMs;
    for (const earlier of tenancy.earlier) {
      const attempt = request.addAttempt();
      attempt.backendKey = earlier.backendKey;
      attempt.ticket = earlier.ticket;
      attempt.startedAtMs = earlier.leasedAtMs;
      attempt.end = this.#ends.of(earlier.end);
      this.#tellBackend(pool, earlier.backendKey);
    }
    if (tenancy.ticket === 0) return;
    const last = request.addAttempt();
    last.backendKey = tenancy.backendKey;
    last.ticket = tenancy.ticket;
    last.startedAtMs = tenancy.leasedAtMs;
    last.end = OTHER;
    this.#tellBackend(pool, tenancy.backendKey);
  }

  #tellBackend(pool: Named, key: number): void {
    if (this.#isTold(key)) return;
    const id = pool.backends.get(key)?.id;
    if (id !== undefined) this.#tellName(key, id);
  }

  /** Worker and salt are the same in all ids of this thread. */
  #begin(id: string): void {
    const parts = parseRequestId(id);
    if (parts === undefined) throw new TypeError(`expected an id of ours, found ${id}`);
    this.#request.worker = parts.worker;
    this.#request.salt = parts.salt;
    this.#isBegun = true;
  }

  /** Each segment that uses a key contains its name. */
  #isTold(key: number): boolean {
    const segment = this.#ring.writerStatus[WRITER_STATUS.segment]!;
    if (segment !== this.#toldIn) {
      this.#told.fill(0);
      this.#toldIn = segment;
    }
    return this.#told[key & (TOLD - 1)] === key;
  }

  #tellName(key: number, name: string): void {
    if (writeName(this.#ring, key, name)) this.#told[key & (TOLD - 1)] = key;
  }
}

/** The numbers of words, with the latest cached, since it is mostly asked for again. */
class Codes {
  readonly #codes: ReadonlyMap<string, number>;
  #word = '';
  #code = OTHER;

  constructor(words: readonly string[]) {
    this.#codes = codesOf(words);
  }

  of(word: string): number {
    if (word !== this.#word) {
      this.#word = word;
      this.#code = this.#codes.get(word) ?? OTHER;
    }
    return this.#code;
  }
}
