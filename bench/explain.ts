/** `node bench/explain.ts [REQUESTS [PER_SECOND]]`: how long a request is looked for among many, and how long its whole story takes. */
import { join } from 'node:path';
import {
  createArena,
  definitionOf,
  keyOf,
  type PoolState,
  RESPONDED,
  recordSource,
  rowsOf,
} from '../actors/index.ts';
import {
  ByteWriter,
  createJournalMemory,
  FinishedRequest,
  JOURNAL_DIRECTORY,
  JournalWriter,
  openJournalReader,
  openSqliteLog,
  RingProducer,
  renderRequestId,
  type SparseBackend,
  writeCheckpoint,
  writeName,
  writeRequest,
} from '../eventlog/index.ts';
import { LocalHistory, sourcesOf } from '../src/history/index.ts';
import { JOURNAL_WORDS } from '../src/telemetry/journal-words.ts';
import { Past } from '../test/history/past.ts';
import { tempDirectory } from '../test/support/temp-directory.ts';
import { latencies, record, wholeArgument } from './figures.ts';

const requests = wholeArgument(0, 10_000_000);
const perSecond = wholeArgument(1, 5000);
const FIRST_MS = 1_763_724_417_123.25;
const EVERY_MS = 1000 / perSecond;
// The writer's turn, and a checkpoint of the ledger.
const TURN_MS = 70;
const CHECKPOINT_MS = 1000;
const QUESTIONS = 200;
const POOL = 'web';
const KEY = keyOf(POOL);
const HOST = 'shop.example.com';
const BACKENDS = ['web.1', 'web.2', 'web.3'];
const SALT = 77;

await using directory = await tempDirectory();
const begun = performance.now();
await fill();
const filledMs = performance.now() - begun;
await record('explain', {
  requests,
  'requests a second': perSecond,
  'written in s': (filledMs / 1000).toFixed(0),
  ...latencies('the first question', [await first(5)]),
  ...latencies('found by id', found()),
  ...latencies('not found', notFound()),
  ...latencies('the whole story', await explained()),
});

async function fill(): Promise<void> {
  let nowMs = FIRST_MS;
  const state = await desired();
  if (state === null) throw new Error('expected a pool, found none');
  const shared = createJournalMemory({ rings: 2, run: Math.floor(FIRST_MS) });
  const main = createArena({ threads: 2, ring() {}, record: true });
  await main.define(KEY, definitionOf(state, 1), rowsOf(state, nowMs), 'widen', { position: 4, nowMs });
  const web = main.pool(KEY);
  const ring = new RingProducer(shared, 1);
  for (const name of [POOL, ...BACKENDS]) writeName(ring, keyOf(name), name);
  const writer = new JournalWriter({
    directory: join(directory.path, JOURNAL_DIRECTORY),
    shared,
    operations: recordSource(main.shared),
    vocabulary: JOURNAL_WORDS,
    maxBytes: 2 ** 40,
    maxAgeMs: 2 ** 40,
    now: () => nowMs,
    warn: console.error,
  });
  const packed = new ByteWriter();
  const nobody = { place: 0, granted() {}, refused() {} };
  let turnMs = nowMs;
  let checkpointMs = nowMs;
  for (let sequence = 0; sequence < requests; sequence++) {
    nowMs = FIRST_MS + sequence * EVERY_MS;
    const lease = web?.checkout(nowMs, [], nobody);
    if (typeof lease !== 'object') throw new Error(`expected a lease, found ${lease}`);
    web?.checkin(lease, nowMs + 0.75, 'finished');
    writeRequest(ring, requestOf(sequence, nowMs, lease.backendKey, lease.ticket), false);
    if (nowMs - checkpointMs >= CHECKPOINT_MS) {
      checkpointMs = nowMs;
      packed.at = 0;
      const ticket = main.checkpoint(KEY, packed);
      writeCheckpoint(ring, KEY, ticket, nowMs, packed.written());
    }
    if (nowMs - turnMs < TURN_MS) continue;
    turnMs = nowMs;
    writer.turn();
  }
  writer.close();
}

/** Domain and pool in the log, as they were put before the first request. */
async function desired(): Promise<PoolState> {
  const log = openSqliteLog({ directory: directory.path, now: () => Math.floor(FIRST_MS) - 1000 });
  const past = new Past(log);
  const backends = BACKENDS.map((id, index) => {
    const backend: SparseBackend = { address: `127.0.0.1:${9001 + index}` };
    return [`pool-${POOL}`, { type: 'BackendAdded', data: { id: id as never, backend } }] as const;
  });
  await past.happen([`pool-${POOL}`, { type: 'PoolCreated', data: { settings: {} } }], ...backends);
  await past.happen([
    `domain-${HOST}`,
    { type: 'DomainCreated', data: { settings: { pool: POOL as never } } },
  ]);
  await log.close();
  return past.state(`pool-${POOL}`) as PoolState;
}

function requestOf(
  sequence: number,
  startedAtMs: number,
  backendKey: number,
  ticket: number,
): FinishedRequest {
  const request = new FinishedRequest();
  Object.assign(request, {
    worker: 1,
    salt: SALT,
    sequence,
    startedAtMs,
    endedAtMs: startedAtMs + 0.75,
    position: 5,
    method: 0,
    outcome: Math.max(0, JOURNAL_WORDS.outcomes.indexOf(RESPONDED.type)),
    phase: 0,
    host: HOST,
    target: '/products/42/reviews',
    domain: HOST,
    poolKey: KEY,
    connectStartedMs: startedAtMs,
    connectedAtMs: startedAtMs + 0.01,
    firstByteAtMs: startedAtMs + 0.7,
    status: 200,
  });
  Object.assign(request.addAttempt(), { backendKey, ticket, startedAtMs });
  return request;
}

function idOf(sequence: number): string {
  const atMs = Math.floor(FIRST_MS + sequence * EVERY_MS);
  return renderRequestId({ atMs, worker: 1, salt: SALT, sequence });
}

/** All over the journal, in no order. */
function drawn(turn: number): number {
  return (turn * 7_919_993 + 4242) % requests;
}

/** By a reader that has nothing open yet. */
async function first(turn: number): Promise<number> {
  const since = performance.now();
  const reader = openJournalReader(directory.path);
  if (reader.find(idOf(drawn(turn))) === undefined) throw new Error('expected a request, found none');
  const tookMs = performance.now() - since;
  reader.close();
  return tookMs;
}

function found(): number[] {
  const reader = openJournalReader(directory.path);
  const taken = timed((turn) => {
    if (reader.find(idOf(drawn(turn))) === undefined) throw new Error('expected a request, found none');
  });
  reader.close();
  return taken;
}

/** Of a time that the journal has, and of a peer. */
function notFound(): number[] {
  const reader = openJournalReader(directory.path);
  const taken = timed((turn) => {
    const id = renderRequestId({
      atMs: Math.floor(FIRST_MS + drawn(turn) * EVERY_MS),
      worker: 2,
      salt: 1,
      sequence: turn,
    });
    if (reader.find(turn % 2 === 0 ? id : `from-a-peer-${turn}`) !== undefined)
      throw new Error('expected no request, found one');
  });
  reader.close();
  return taken;
}

function timed(ask: (turn: number) => void): number[] {
  return Array.from({ length: QUESTIONS }, (_, turn) => {
    const since = performance.now();
    ask(turn);
    return performance.now() - since;
  });
}

async function explained(): Promise<number[]> {
  const past = sourcesOf(directory.path, Date.now);
  const history = new LocalHistory(past);
  const taken: number[] = [];
  for (let turn = 0; turn < QUESTIONS; turn++) {
    const since = performance.now();
    const { steps } = await history.ask('explain', { id: idOf(drawn(turn)) });
    taken.push(performance.now() - since);
    if (steps[0]?.sight === null || steps.length !== 1)
      throw new Error('expected one step that is explained');
  }
  past.close();
  return taken;
}
