/** What the journal costs a request, in the thread that routes and in the one that writes, and how long it takes to find one: `node bench/journal.bench.ts [requests]`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createArena, keyOf, RESPONDED, recordSource } from '../actors/index.ts';
import {
  createJournalMemory,
  JOURNAL_DIRECTORY,
  JournalMemory,
  JournalWriter,
  openJournalReader,
  RingProducer,
  renderRequestId,
  WRITER_STATUS,
} from '../eventlog/index.ts';
import { JOURNAL_WORDS } from '../src/telemetry/journal-words.ts';
import {
  type JournalledRequest,
  type JournalledTenancy,
  RequestJournal,
} from '../src/telemetry/request-journal.ts';

// 20 000 requests a second, and a turn of the writer every 70 ms.
const A_TURN = 1400;
const FIRST_MS = 1_763_724_417_123.25;
const EVERY_MS = 0.05;
const BACKENDS = ['web.1', 'web.2', 'web.3'];
const FINDS = 200;

const nobody = { place: 0, granted() {}, refused() {} };
const count = Number(process.argv[2] ?? 1_000_000);
const directory = mkdtempSync(join(tmpdir(), 'switchyard-bench-journal-'));

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type RequestLike = Mutable<Omit<JournalledRequest, 'tenancy'>> & {
  readonly tenancy: Mutable<JournalledTenancy>;
};

function requestLike(): RequestLike {
  const backends = new Map(BACKENDS.map((id) => [keyOf(id), { id }]));
  return {
    id: '',
    requestId: '',
    sequence: 0,
    startedAtMs: 0,
    position: 1234,
    phase: 'respond',
    outcome: RESPONDED,
    head: { method: 'GET', target: '/products/42/reviews?page=3', host: 'shop.example.com', version: 1 },
    domain: { name: 'shop.example.com' },
    pool: { name: 'web', key: keyOf('web'), backends },
    tenancy: { waitedMs: -1, earlier: [], backendKey: 0, ticket: 0, leasedAtMs: 0 },
    connectStartedMs: 0,
    connectedAtMs: 0,
    firstByteAtMs: 0,
    status: 200,
    bytesIn: 0,
    bytesOut: 287,
  };
}

function idOf(sequence: number): string {
  const atMs = Math.floor(FIRST_MS + sequence * EVERY_MS);
  return renderRequestId({ atMs, worker: 1, salt: 77, sequence });
}

async function arena() {
  const main = createArena({ threads: 2, ring() {}, record: true });
  const rows = BACKENDS.map((id) => ({
    backendKey: keyOf(id),
    limit: 0,
    weight: 1,
    state: 'up' as const,
    quarantineUntilMs: 0,
  }));
  const pool = { policy: 'least-request', maxWaiting: 1000, whenEmpty: 'refuse', seed: 1 } as const;
  await main.define(keyOf('web'), pool, rows, 'widen', { position: 1, nowMs: FIRST_MS });
  return main;
}

async function fill(): Promise<void> {
  const shared = createJournalMemory({ rings: 2, run: Math.floor(FIRST_MS) });
  const main = await arena();
  const web = main.pool(keyOf('web'))!;
  const journal = new RequestJournal(new RingProducer(shared, 1), false);
  const writer = new JournalWriter({
    directory: join(directory, JOURNAL_DIRECTORY),
    shared,
    operations: recordSource(main.shared),
    vocabulary: JOURNAL_WORDS,
    maxBytes: 2 ** 40,
    maxAgeMs: 2 ** 40,
    now: Date.now,
    warn: console.error,
  });
  const request = requestLike();
  const pathCpu = { user: 0, system: 0 };
  let writerNs = 0n;
  let worstMs = 0;
  const writerCpu = { user: 0, system: 0 };
  for (let from = 0; from < count; from += A_TURN) {
    const ids = Array.from({ length: A_TURN }, (_, i) => idOf(from + i));
    const leases = ids.map((_, i) => {
      const nowMs = FIRST_MS + (from + i) * EVERY_MS;
      const lease = web.checkout(nowMs, [], nobody);
      if (typeof lease === 'string') throw new Error(`expected a lease, found ${lease}`);
      web.checkin(lease, nowMs + 0.75, 'finished');
      return lease;
    });
    const begun = process.cpuUsage();
    for (let i = 0; i < A_TURN; i++) {
      const startedAtMs = FIRST_MS + (from + i) * EVERY_MS;
      request.id = ids[i]!;
      request.requestId = request.id;
      request.sequence = from + i;
      request.startedAtMs = startedAtMs;
      request.connectStartedMs = startedAtMs;
      request.connectedAtMs = startedAtMs + 0.001;
      request.firstByteAtMs = startedAtMs + 0.7;
      request.tenancy.backendKey = leases[i]!.backendKey;
      request.tenancy.ticket = leases[i]!.ticket;
      request.tenancy.leasedAtMs = startedAtMs;
      journal.record(request, startedAtMs + 0.75);
    }
    addUsage(pathCpu, process.cpuUsage(begun));
    const filled = process.hrtime.bigint();
    const cpu = process.cpuUsage();
    writer.turn();
    addUsage(writerCpu, process.cpuUsage(cpu));
    const turnNs = process.hrtime.bigint() - filled;
    writerNs += turnNs;
    worstMs = Math.max(worstMs, Number(turnNs) / 1e6);
  }
  writer.close();
  const { writerStatus } = new JournalMemory(shared);
  const each = (value: number | bigint) => (Number(value) / count).toFixed(3);
  say('on the path, CPU', `${each(pathCpu.user + pathCpu.system)} µs a request`);
  say('in the writer, wall', `${each(writerNs / 1000n)} µs a request (worst turn ${worstMs.toFixed(1)} ms)`);
  say('in the writer, CPU', `${each(writerCpu.user)} user, ${each(writerCpu.system)} system µs a request`);
  say(
    'bytes',
    `${each(writerStatus[WRITER_STATUS.bytes]!)} a request with its two operations, ${each(writerStatus[WRITER_STATUS.heldBytes]!)} in files`,
  );
  say(
    'lost',
    `${writerStatus[WRITER_STATUS.lostRequests]} requests, ${writerStatus[WRITER_STATUS.lostOperations]} operations`,
  );
}

type Usage = { user: number; system: number };

function addUsage(sum: Usage, more: Usage): void {
  sum.user += more.user;
  sum.system += more.system;
}

function find(): void {
  const opened = process.hrtime.bigint();
  const reader = openJournalReader(directory);
  reader.span();
  say('opened', `${(Number(process.hrtime.bigint() - opened) / 1e6).toFixed(1)} ms`);
  const taken: number[] = [];
  for (let i = 0; i < FINDS; i++) {
    const sequence = Math.floor((count * (i + 0.5)) / FINDS);
    const begun = process.hrtime.bigint();
    const found = reader.find(idOf(sequence));
    taken.push(Number(process.hrtime.bigint() - begun) / 1e6);
    if (found === undefined) throw new Error(`expected request ${sequence}, found none`);
  }
  taken.sort((a, b) => a - b);
  say('found by id', `p50 ${taken[FINDS / 2]!.toFixed(2)} ms, worst ${taken.at(-1)!.toFixed(2)} ms`);
  const begun = process.hrtime.bigint();
  reader.find(idOf(count * 2).replace(/^./, '1'));
  say('not found', `${(Number(process.hrtime.bigint() - begun) / 1e6).toFixed(1)} ms`);
  reader.close();
}

function say(what: string, value: string): void {
  console.log(`${what.padEnd(20)} ${value}`);
}

try {
  say('requests', String(count));
  await fill();
  find();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
