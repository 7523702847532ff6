/** Stories of requests that ended without a backend, out of a journal that is made by hand. */
import { describe, expect, it } from 'vitest';
import { attachArena, keyOf, type Lease } from '../../actors/index.ts';
import { type FinishedRequest, openSqliteLog } from '../../eventlog/index.ts';
import { LocalHistory, type RequestStory, sourcesOf } from '../../src/history/index.ts';
import { JournalledPool, nobody } from '../actors/pool/ledger/journalled-pool.ts';
import { finished, idOf, OTHER, record, VOCABULARY } from '../eventlog/journal/desk.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const CHECKOUT = VOCABULARY.phases.indexOf('checkout');

/** A request to pool `web` that ended as this says, in phase checkout. */
function ending(outcome: string, more: Partial<FinishedRequest>): FinishedRequest {
  const code = VOCABULARY.outcomes.indexOf(outcome);
  return finished({
    outcome: code,
    phase: CHECKOUT,
    poolKey: keyOf('web'),
    domain: '',
    status: 503,
    ...more,
  });
}

/** Adds an attempt on this lease, and how it ended; without, as the request did. */
function attempted(
  request: FinishedRequest,
  { backendKey, ticket }: Lease,
  startedAtMs: number,
  end?: string,
): void {
  const code = end === undefined ? OTHER : VOCABULARY.ends.indexOf(end);
  Object.assign(request.addAttempt(), { backendKey, ticket, startedAtMs, end: code });
}

async function storyOf(
  directory: string,
  request: FinishedRequest,
  id = idOf(request),
): Promise<RequestStory> {
  await openSqliteLog({ directory, now: Date.now }).close();
  const past = sourcesOf(directory, Date.now);
  try {
    return await new LocalHistory(past).ask('explain', { id });
  } finally {
    past.close();
  }
}

/** A pool whose only slot is taken, and the moment from which a request waits for it. */
async function waitedFor(directory: string): Promise<{ pool: JournalledPool; startedAtMs: number }> {
  const pool = new JournalledPool(directory);
  await pool.define({ 'web.1': { limit: 1 } });
  pool.lease();
  pool.pass(1);
  const startedAtMs = pool.nowMs;
  pool.ledger.checkout(startedAtMs, [], nobody());
  return { pool, startedAtMs };
}

describe('an id that a peer gave', () => {
  it('more than one request leads to the newest, and names the others', async () => {
    await using directory = await tempDirectory();
    const pool = new JournalledPool(directory.path);
    const requests = Array.from({ length: 8 }, (_, sequence) =>
      finished({ sequence, startedAtMs: pool.nowMs + sequence, peerId: sequence === 1 ? 'one' : 'same' }),
    );
    for (const request of requests) record(pool.ring, request);
    pool.close();
    const story = await storyOf(directory.path, requests[7]!, 'same');
    expect(story.id).toBe(idOf(requests[7]!));
    const named = [6, 5, 4, 3, 2].map((sequence) => {
      const { startedAtMs } = requests[sequence]!;
      return `${idOf(requests[sequence]!)} (${new Date(startedAtMs).toISOString()})`;
    });
    expect(story.notes[0]).toBe(
      `the newest of those with this id of a peer; explain another: ${named.join(', ')}, and more before`,
    );
    expect((await storyOf(directory.path, requests[1]!, 'one')).notes.join()).not.toContain('newest');
    expect((await storyOf(directory.path, requests[2]!)).notes.join()).not.toContain('newest');
  });
});

describe('a request that its ledger has no operation of', () => {
  it.each([
    [
      'owner_unavailable',
      5000,
      'left',
      'it waited 5000 ms for its pool to wake up; it failed because its owner failed',
    ],
    ['client_closed', 20, 'left', 'it waited 20 ms for its pool to wake up'],
    ['no_backends', 1, 'refused', 'the pool had no backends'],
  ])('is told to have waited for that to be made, or why not: %s', async (outcome, ms, type, why) => {
    await using directory = await tempDirectory();
    const pool = new JournalledPool(directory.path);
    const startedAtMs = pool.nowMs;
    pool.pass(ms);
    const request = ending(outcome, { startedAtMs, endedAtMs: pool.nowMs });
    record(pool.ring, request);
    pool.close();
    const { steps, notes } = await storyOf(directory.path, request);
    const at = new Date(pool.nowMs).toISOString();
    expect(steps).toEqual([{ type, at, ticket: null, backend: null, why, end: null, sight: null }]);
    expect(notes).toEqual([]);
  });

  it('is told that the journal has none where it waited in a queue, or was turned away there', async () => {
    await using directory = await tempDirectory();
    const pool = new JournalledPool(directory.path);
    const waited = ending('queue_timeout', { sequence: 1, waitedMs: 3, endedAtMs: pool.nowMs + 3.25 });
    const refused = ending('queue_full', { sequence: 2, endedAtMs: pool.nowMs + 1 });
    for (const request of [waited, refused]) record(pool.ring, request);
    pool.close();
    for (const request of [waited, refused]) {
      const { steps, notes } = await storyOf(directory.path, request);
      expect(steps).toMatchObject([
        {
          type: 'unknown',
          ticket: null,
          backend: null,
          why: 'the journal does not have the operation of the ledger',
        },
      ]);
      expect(notes).toEqual(['the journal cannot show the pool at every step: earlier records are gone']);
    }
  });

  it('is told to have waited for its worker to know the backends that it was given', async () => {
    await using directory = await tempDirectory();
    const pool = new JournalledPool(directory.path);
    await pool.define({ 'web.1': {} });
    const startedAtMs = pool.nowMs;
    const lease = pool.lease();
    pool.ledger.checkin(lease, pool.nowMs, 'unused');
    pool.pass(100);
    const request = ending('owner_unavailable', { startedAtMs, endedAtMs: pool.nowMs, waitedMs: 100 });
    attempted(request, lease, startedAtMs, 'unused');
    record(pool.ring, request);
    pool.close();
    const { steps, notes } = await storyOf(directory.path, request);
    expect(steps).toMatchObject([
      { type: 'leased', backend: 'web.1', end: 'unused' },
      {
        type: 'left',
        ticket: null,
        why: 'it waited for its worker to learn of the backends that it was given',
      },
    ]);
    expect(notes).toEqual([]);
  });
});

it('a request whose client left just as it was granted a backend is told so, and misses nothing', async () => {
  await using directory = await tempDirectory();
  const pool = new JournalledPool(directory.path);
  await pool.define({ 'web.1': { limit: 1 } });
  const other = attachArena(pool.main.shared, pool.main.enlist(), () => {}).pool(keyOf('web'));
  const its = other?.checkout(pool.nowMs, [], nobody());
  if (other === undefined || typeof its !== 'object') throw new Error('expected a lease');
  pool.pass(1);
  const [startedAtMs, waiter] = [pool.nowMs, nobody()];
  expect(pool.ledger.checkout(startedAtMs, [], waiter)).toBe('queued');
  pool.pass(5);
  other.checkin(its, pool.nowMs, 'finished');
  // It has not heard of it yet.
  const lease = pool.ledger.leave(waiter, pool.nowMs);
  if (typeof lease === 'string') throw new Error(`expected a lease, found ${lease}`);
  pool.ledger.checkin(lease, pool.nowMs, 'unused');
  const request = ending('client_closed', { startedAtMs, endedAtMs: pool.nowMs, waitedMs: 5 });
  attempted(request, lease, pool.nowMs, 'unused');
  record(pool.ring, request);
  pool.close();
  const { steps, notes } = await storyOf(directory.path, request);
  expect(steps).toMatchObject([
    { type: 'queued' },
    { type: 'granted', backend: 'web.1', end: 'unused' },
    { type: 'left', why: 'it ended before it could use what it was given, which was given back' },
  ]);
  expect(notes).toEqual([]);
});

describe('a request that asked again in vain', () => {
  it('is told of its own asking, not of that of one that tried the same before it', async () => {
    await using directory = await tempDirectory();
    const pool = new JournalledPool(directory.path);
    await pool.define({ 'web.1': {}, 'web.2': { limit: 1 } }, { maxWaiting: 1 });
    const startedAtMs = pool.nowMs;
    pool.lease(['web.1']);
    const [lease, other] = [pool.lease(), pool.lease()];
    const askAgain = (failed: Lease) => {
      pool.pass(1);
      pool.ledger.checkin(failed, pool.nowMs, 'connect_failed');
      return pool.ledger.checkout(pool.nowMs, [keyOf('web.1')], nobody());
    };
    expect([askAgain(other), askAgain(lease)]).toEqual(['queued', 'queue_full']);
    const request = ending('queue_full', { startedAtMs, endedAtMs: pool.nowMs });
    attempted(request, lease, startedAtMs, 'connect_refused');
    record(pool.ring, request);
    pool.close();
    const { steps } = await storyOf(directory.path, request);
    expect(steps).toMatchObject([
      { type: 'leased', backend: 'web.1', end: 'connect_refused' },
      { type: 'refused', at: new Date(pool.nowMs).toISOString(), sight: { waiting: 1 } },
    ]);
  });

  it('is told of its own asking, not of that of another worker’s that tried the same at that moment', async () => {
    await using directory = await tempDirectory();
    const pool = new JournalledPool(directory.path);
    await pool.define({ 'web.1': {}, 'web.2': { limit: 1 } }, { maxWaiting: 1 });
    const startedAtMs = pool.nowMs;
    const other = attachArena(pool.main.shared, pool.main.enlist(), () => {}).pool(keyOf('web'));
    pool.lease(['web.1']);
    const lease = pool.lease();
    pool.pass(1);
    pool.ledger.checkin(lease, pool.nowMs, 'connect_failed');
    const tried = [keyOf('web.1')];
    expect(other?.checkout(pool.nowMs, tried, nobody())).toBe('queued');
    expect(pool.ledger.checkout(pool.nowMs, tried, nobody())).toBe('queue_full');
    const request = ending('queue_full', { startedAtMs, endedAtMs: pool.nowMs });
    attempted(request, lease, startedAtMs, 'connect_refused');
    record(pool.ring, request);
    pool.close();
    const { steps } = await storyOf(directory.path, request);
    expect(steps).toMatchObject([
      { type: 'leased', backend: 'web.1', end: 'connect_refused' },
      { type: 'refused', sight: { waiting: 1 } },
    ]);
  });

  it('is told of its own end, not of that of one that tried the same after it', async () => {
    await using directory = await tempDirectory();
    const pool = new JournalledPool(directory.path);
    await pool.define({ 'web.1': {}, 'web.2': { limit: 1 } }, { maxWaiting: 0 });
    const startedAtMs = pool.nowMs;
    pool.lease(['web.1']);
    const [lease, other] = [pool.lease(), pool.lease()];
    pool.pass(1);
    pool.ledger.checkin(lease, pool.nowMs, 'connect_failed');
    // It had no attempts left.
    const request = ending('connect_refused', { startedAtMs, endedAtMs: pool.nowMs });
    attempted(request, lease, startedAtMs, 'connect_refused');
    record(pool.ring, request);
    pool.pass(1);
    pool.ledger.checkin(other, pool.nowMs, 'connect_failed');
    expect(pool.ledger.checkout(pool.nowMs, [keyOf('web.1')], nobody())).toBe('queue_full');
    pool.close();
    const { steps } = await storyOf(directory.path, request);
    expect(steps).toMatchObject([{ type: 'leased', backend: 'web.1', end: 'connect_refused' }]);
  });

  it('is told of its asking while the backend that was too slow still had it', async () => {
    await using directory = await tempDirectory();
    const pool = new JournalledPool(directory.path);
    await pool.define({ 'web.1': {}, 'web.2': { limit: 1 } }, { maxWaiting: 0 });
    const startedAtMs = pool.nowMs;
    pool.lease(['web.1']);
    const slow = pool.lease();
    pool.pass(1000);
    expect(pool.ledger.checkout(pool.nowMs, [keyOf('web.1')], nobody())).toBe('queue_full');
    const request = ending('queue_full', { startedAtMs, endedAtMs: pool.nowMs });
    attempted(request, slow, startedAtMs, 'first_byte_timeout');
    record(pool.ring, request);
    pool.pass(1);
    pool.ledger.checkin(slow, pool.nowMs, 'timed_out');
    pool.close();
    const { steps } = await storyOf(directory.path, request);
    expect(steps).toMatchObject([
      { type: 'leased', backend: 'web.1', end: 'first_byte_timeout' },
      { type: 'refused', sight: { candidates: [{ against: 'tried' }, { against: 'full' }] } },
    ]);
  });
});

it('a request whose answer stood, since what it was given in its place was no use, is told so in that order', async () => {
  await using directory = await tempDirectory();
  const pool = new JournalledPool(directory.path);
  await pool.define({ 'web.1': {}, 'web.2': {} });
  const startedAtMs = pool.nowMs;
  const answering = pool.lease(['web.2']);
  pool.pass(3);
  const request = ending('responded', { startedAtMs, endedAtMs: pool.nowMs, phase: 0 });
  const declined = pool.lease(['web.1']);
  attempted(request, declined, pool.nowMs, 'unused');
  attempted(request, answering, startedAtMs);
  record(pool.ring, request);
  pool.close();
  const { steps } = await storyOf(directory.path, request);
  expect(steps).toMatchObject([
    { type: 'leased', backend: 'web.1' },
    { type: 'leased', backend: 'web.2', end: 'unused' },
  ]);
});

it('a request whose pool was removed while it waited is told that it was', async () => {
  await using directory = await tempDirectory();
  const { pool, startedAtMs } = await waitedFor(directory.path);
  pool.pass(1);
  await pool.main.drop(keyOf('web'), { position: 2, nowMs: pool.nowMs });
  const request = ending('no_backends', { startedAtMs, endedAtMs: pool.nowMs, waitedMs: 1 });
  record(pool.ring, request);
  pool.close();
  const { steps } = await storyOf(directory.path, request);
  expect(steps).toMatchObject([
    { type: 'queued' },
    { type: 'left', why: 'it left the queue: the pool had no backends left' },
  ]);
});

it('a request whose leaving is not recorded is not told that its pool was removed, which came later', async () => {
  await using directory = await tempDirectory();
  const { pool, startedAtMs } = await waitedFor(directory.path);
  const request = ending('client_closed', { startedAtMs, endedAtMs: startedAtMs + 1, waitedMs: 1 });
  record(pool.ring, request);
  pool.pass(3000);
  await pool.main.drop(keyOf('web'), { position: 2, nowMs: pool.nowMs });
  pool.close();
  const { steps } = await storyOf(directory.path, request);
  expect(steps).toMatchObject([{ type: 'queued' }, { type: 'unknown' }]);
});

it('a request that waited for a backend whose probes fail is told so', async () => {
  await using directory = await tempDirectory();
  const pool = new JournalledPool(directory.path);
  await pool.define({ 'web.1': {} });
  pool.ledger.probed(keyOf('web.1'), pool.nowMs, true);
  pool.pass(1);
  const [startedAtMs, waiter] = [pool.nowMs, nobody()];
  pool.ledger.checkout(startedAtMs, [], waiter);
  pool.pass(1);
  pool.ledger.leave(waiter, pool.nowMs);
  const request = ending('quarantined', { startedAtMs, endedAtMs: pool.nowMs, waitedMs: 1 });
  record(pool.ring, request);
  pool.close();
  const { steps } = await storyOf(directory.path, request);
  expect(steps.at(-1)).toMatchObject({
    type: 'left',
    why: 'it left the queue: no backend was up (1 failing health checks)',
  });
});

it('a request that was decided on a position which the log does not have is told as of its end', async () => {
  await using directory = await tempDirectory();
  const pool = new JournalledPool(directory.path);
  const request = ending('no_backends', { endedAtMs: pool.nowMs + 1, position: 28 });
  record(pool.ring, request);
  pool.close();
  const { position, notes } = await storyOf(directory.path, request);
  expect(position).toBe(28);
  expect(notes).toEqual([
    'the log ends at position 0, before position 28: domain, route and backends are shown as of its end; is it an older copy?',
  ]);
});
