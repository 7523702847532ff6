/** One thread's requests on their way to the journal: each as it ended, packed into the thread's ring. */
import type { OutcomeType, Phase } from '../../actors/index.ts';
import {
  codesOf,
  FinishedRequest,
  OTHER,
  type RingProducer,
  SAYS,
  writeName,
  writeRequest,
} from '../../eventlog/index.ts';
import { JOURNAL_WORDS } from './journal-words.ts';

/** What the journal wants to know of a request that has ended; −1: that never came. */
export type JournalledRequest = {
  /** Ours, as `RequestIds` makes them. */
  readonly id: string;
  /** What it goes by. */
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
  readonly body: { readonly bytes: number } | undefined;
  readonly bytesOut: number;
};

export type JournalledTenancy = {
  readonly waitedMs: number;
  /** Attempts before the last. */
  readonly earlier: readonly JournalledAttempt[];
  /** The last backend it was given, and under which of the ledger's tickets; 0: none. */
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

// Keys are told once a segment; a set that has grown past this is begun anew.
const MOST_NAMED = 100_000;

export class RequestJournal {
  readonly #ring: RingProducer;
  readonly #queryStrings: boolean;
  readonly #request = new FinishedRequest();
  readonly #methods = codesOf(JOURNAL_WORDS.methods);
  readonly #outcomes = codesOf(JOURNAL_WORDS.outcomes);
  readonly #phases = codesOf(JOURNAL_WORDS.phases);
  readonly #ends = codesOf(JOURNAL_WORDS.ends);
  readonly #named = new Set<number>();
  #namedIn = -1;
  #isBegun = false;

  /** `ring`: this thread's own. */
  constructor(ring: RingProducer, queryStrings: boolean) {
    this.#ring = ring;
    this.#queryStrings = queryStrings;
  }

  /** Never waits and never throws for want of room. */
  record(ended: JournalledRequest, nowMs: number): void {
    const request = this.#request;
    const { head, pool, tenancy, outcome } = ended;
    this.#identify(ended.id);
    request.startedAtMs = ended.startedAtMs;
    request.endedAtMs = nowMs;
    request.position = ended.position;
    request.method = this.#methods.get(head.method) ?? OTHER;
    request.methodName = request.method === OTHER ? head.method : '';
    request.isHttp10 = head.version === 0;
    request.host = head.host;
    request.target = head.target;
    request.domain = ended.domain === undefined ? '' : ended.domain.name;
    request.outcome = outcome === undefined ? OTHER : (this.#outcomes.get(outcome.type) ?? OTHER);
    request.phase = this.#phases.get(outcome === undefined ? ended.phase : outcome.phase) ?? OTHER;
    request.connectStartedMs = ended.connectStartedMs;
    request.connectedAtMs = ended.connectedAtMs;
    request.firstByteAtMs = ended.firstByteAtMs;
    request.status = ended.status;
    request.bytesIn = ended.body === undefined ? 0 : ended.body.bytes;
    request.bytesOut = ended.bytesOut;
    request.peerId = ended.requestId === ended.id ? '' : ended.requestId;
    request.poolKey = 0;
    request.attempts = 0;
    request.waitedMs = -1;
    if (pool !== undefined) {
      request.poolKey = pool.key;
      this.#name(pool.key, pool.name);
      if (tenancy !== undefined) this.#tell(pool, tenancy);
    }
    writeRequest(this.#ring, request, this.#queryStrings);
  }

  #tell(pool: Named, tenancy: JournalledTenancy): void {
    const request = this.#request;
    request.waitedMs = tenancy.waitedMs;
    for (const earlier of tenancy.earlier) {
      const attempt = request.addAttempt();
      attempt.backendKey = earlier.backendKey;
      attempt.ticket = earlier.ticket;
      attempt.startedAtMs = earlier.leasedAtMs;
      attempt.end = this.#ends.get(earlier.end) ?? OTHER;
    }
    if (tenancy.ticket === 0) return;
    const last = request.addAttempt();
    last.backendKey = tenancy.backendKey;
    last.ticket = tenancy.ticket;
    last.startedAtMs = tenancy.leasedAtMs;
    last.end = OTHER;
    const id = pool.backends.get(tenancy.backendKey)?.id;
    if (id !== undefined) this.#name(tenancy.backendKey, id);
  }

  /** Worker and salt stand in every id of this thread alike; the sequence in the last twelve digits. */
  #identify(id: string): void {
    const request = this.#request;
    if (!this.#isBegun) {
      request.worker = hexIn(id, 15, 18);
      request.salt = hexIn(id, 19, 23) & 0x3fff;
      this.#isBegun = true;
    }
    request.sequence = hexIn(id, 24, 29) * 0x1000_0000 + hexIn(id, 29, 36);
  }

  /** What a key stands for is told once for each segment that uses it. */
  #name(key: number, name: string): void {
    const segment = this.#ring.says[SAYS.segment]!;
    if (segment !== this.#namedIn || this.#named.size > MOST_NAMED) {
      this.#named.clear();
      this.#namedIn = segment;
    }
    if (this.#named.has(key)) return;
    if (writeName(this.#ring, key, name)) this.#named.add(key);
  }
}

/** At most seven lower-case hexadecimal digits. */
function hexIn(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    value = (value << 4) | (code < 0x3a ? code - 0x30 : code - 0x57);
  }
  return value;
}
