/** A journal in one thread for tests: rings, a writer whose turns are taken by hand, a clock that is set. */
import { join } from 'node:path';
import {
  createJournalMemory,
  FinishedRequest,
  JOURNAL_DIRECTORY,
  type JournalShared,
  JournalWriter,
  type JournalWriterOptions,
  OTHER,
  RingProducer,
  renderRequestId,
  type Vocabulary,
  writeRequest,
} from '../../../eventlog/index.ts';

export const VOCABULARY: Vocabulary = {
  methods: ['GET', 'POST'],
  outcomes: [
    'responded',
    'queue_timeout',
    'queue_full',
    'quarantined',
    'no_backends',
    'owner_unavailable',
    'client_closed',
    'connect_refused',
  ],
  phases: ['respond', 'checkout'],
  ends: ['connect_failed', 'unused', 'connect_refused', 'first_byte_timeout'],
};

export const RUN = 1_700_000_000_000;

export class JournalDesk {
  readonly shared: JournalShared;
  readonly directory: string;
  readonly warnings: string[] = [];
  nowMs = RUN;
  #more: Partial<JournalWriterOptions>;

  constructor(
    directory: string,
    more: Partial<JournalWriterOptions> & { rings?: number; ringBytes?: number; run?: number } = {},
  ) {
    const { rings = 2, ringBytes = 65_536, run = RUN, ...options } = more;
    this.directory = directory;
    this.shared = createJournalMemory({ rings, ringBytes, run });
    this.nowMs = run;
    this.#more = options;
  }

  writer(more: Partial<JournalWriterOptions> = {}): JournalWriter {
    return new JournalWriter({
      directory: join(this.directory, JOURNAL_DIRECTORY),
      shared: this.shared,
      vocabulary: VOCABULARY,
      maxBytes: 2 ** 30,
      maxAgeMs: 86_400_000,
      now: () => this.nowMs,
      warn: (message) => this.warnings.push(message),
      ...this.#more,
      ...more,
    });
  }

  producer(ring = 0): RingProducer {
    return new RingProducer(this.shared, ring);
  }
}

/** A plain request; what matters is said. */
export function finished(more: Partial<FinishedRequest> = {}): FinishedRequest {
  const request = new FinishedRequest();
  Object.assign(request, {
    worker: 1,
    salt: 77,
    startedAtMs: RUN + 0.25,
    endedAtMs: RUN + 3.5,
    method: 0,
    outcome: 0,
    phase: 0,
    host: 'app.test',
    target: '/',
    domain: 'app.test',
    status: 200,
    ...more,
  });
  return request;
}

export function idOf({ startedAtMs, worker, salt, sequence }: FinishedRequest): string {
  return renderRequestId({ atMs: Math.floor(startedAtMs), worker, salt, sequence });
}

export function record(into: RingProducer, request: FinishedRequest, queryStrings = false): boolean {
  return writeRequest(into, request, queryStrings);
}

export { OTHER };
