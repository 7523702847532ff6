import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  type ChildContext,
  createArena,
  keyOf,
  type MainLedger,
  RESPONDED,
  type Running,
  systemClock,
} from '../../../actors/index.ts';
import { openJournalReader, openSqliteLog, renderRequestId } from '../../../eventlog/index.ts';
import type { JournalledRequest } from '../../../src/telemetry/request-journal.ts';
import { Journal } from '../../../src/workers/journal/journal.ts';
import { replayPool } from '../../eventlog/journal/replay.ts';
import { eventually, pause } from '../../support/eventually.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const nobody = () => ({ place: 0, granted() {}, refused() {} });
const now = () => performance.timeOrigin + performance.now();

type Scene = {
  readonly journal: Journal;
  readonly ledger: MainLedger;
  readonly directory: string;
  readonly writesBack: boolean[];
  readonly ends: unknown[];
  start(): Promise<Running>;
};

const stack = new AsyncDisposableStack();
const running: Running[] = [];
afterAll(() => stack.disposeAsync());
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop('kill');
});

async function scene(): Promise<Scene> {
  const directory = stack.use(await tempDirectory()).path;
  const ledger = createArena({ threads: 2, ring() {}, record: true });
  const writesBack: boolean[] = [];
  const journal = new Journal({
    settings: { enabled: true, queryStrings: false, maxBytes: 2 ** 30, maxAgeMs: 2 ** 30 },
    directory,
    ledger,
    threads: 2,
    isBeside: false,
    now: systemClock.now,
    writesBack: (is) => void writesBack.push(is),
    warn: (message) => {
      throw new Error(message);
    },
  });
  const ends: unknown[] = [];
  const spec = journal.childSpec();
  const start = async () => {
    const context: ChildContext = {
      id: spec.id,
      kind: spec.kind,
      signal: new AbortController().signal,
      exited: (end) => void ends.push(end),
    };
    const child = await spec.start(context);
    running.push(child);
    return child;
  };
  return { journal, ledger, directory, writesBack, ends, start };
}

/** Its thread is there and has written everything; a flush alone waits five seconds at most, in which a busy machine may not start one. */
async function writes(journal: Journal): Promise<void> {
  await expect.poll(() => journal.flush(), { interval: 0 }).toBe(true);
}

async function define(ledger: MainLedger): Promise<void> {
  const pool = { policy: 'least-request', maxWaiting: 3, whenEmpty: 'refuse', seed: 4 } as const;
  const row = { backendKey: keyOf('a'), limit: 0, weight: 1, state: 'up', quarantineUntilMs: 0 } as const;
  await ledger.define(keyOf('web'), pool, [row], 'widen', { position: 1, nowMs: now() });
}

function work(ledger: MainLedger, pairs: number): void {
  const web = ledger.pool(keyOf('web'))!;
  for (let i = 0; i < pairs; i++) {
    const lease = web.checkout(now(), [], nobody());
    if (typeof lease !== 'string') web.checkin(lease, now(), 'finished');
  }
}

function requestOf(sequence: number): JournalledRequest {
  const startedAtMs = now();
  const id = renderRequestId({ atMs: Math.floor(startedAtMs), worker: 0, salt: 9, sequence });
  return {
    id,
    requestId: id,
    sequence,
    startedAtMs,
    position: 1,
    phase: 'respond',
    outcome: RESPONDED,
    head: { method: 'GET', target: '/', host: 'a.example', version: 1 },
    domain: { name: 'a.example' },
    pool: { name: 'web', key: keyOf('web'), backends: new Map() },
    tenancy: undefined,
    connectStartedMs: -1,
    connectedAtMs: -1,
    firstByteAtMs: -1,
    status: 200,
    bytesIn: 0,
    bytesOut: 10,
  };
}

describe('the journal thread', () => {
  it('has written what ended before a flush, when the flush is answered', async () => {
    const { journal, directory, start } = await scene();
    await start();
    await writes(journal);
    const requests = journal.requests();
    for (let sequence = 0; sequence < 20; sequence++) {
      const request = requestOf(sequence);
      requests.record(request, now());
      expect(await journal.flush()).toBe(true);
      const reader = openJournalReader(directory);
      expect(reader.find(request.id)).toMatchObject({ id: request.id, pool: { name: 'web' } });
      reader.close();
    }
  });

  it('shows what ended within a tenth of a second without being asked', async () => {
    const { journal, directory, start } = await scene();
    await start();
    await writes(journal);
    const requests = journal.requests();
    const reader = openJournalReader(directory);
    let sequence = 0;
    const shownAfterMs = async () => {
      const request = requestOf(sequence++);
      const began = performance.now();
      requests.record(request, now());
      await eventually(() => reader.find(request.id) !== undefined, 'the request on record');
      return performance.now() - began;
    };
    await shownAfterMs();
    // One of many, since this machine has other work too. Each begins when the one before was shown, right after a turn of the thread,
    // and so lasts as long as the next turn is away: none is quick by luck.
    await expect.poll(shownAfterMs, { interval: 0 }).toBeLessThan(100);
    reader.close();
  });

  it('that crashes is followed by one that finds everything, and what came meanwhile', async () => {
    const { journal, ledger, directory, ends, start } = await scene();
    await define(ledger);
    const requests = journal.requests();
    let sequence = 0;
    for (let life = 0; life < 3; life++) {
      const child = await start();
      for (let i = 0; i < 200; i++) requests.record(requestOf(sequence++), now());
      work(ledger, 500);
      child.crash?.(new Error('as a bug would'));
      await eventually(() => ends.length === life + 1, 'word of its end');
      for (let i = 0; i < 200; i++) requests.record(requestOf(sequence++), now());
      work(ledger, 500);
    }
    const last = await start();
    await last.stop('shutdown');
    const reader = openJournalReader(directory);
    const found = [...reader.requests()].map(({ id }) => Number.parseInt(id.slice(24), 16));
    expect(found.toSorted((a, b) => a - b)).toEqual(Array.from({ length: sequence }, (_, i) => i));
    expect(replayPool(reader, 'web').counts).toMatchObject({ checkout: 3000, checkin: 3000 });
    expect(reader.gaps()).toEqual([]);
    reader.close();
  });

  it('that crashes keeps nobody waiting for a flush, and none is waited for until the next one is there', async () => {
    const { journal, ends, start } = await scene();
    const first = await start();
    await writes(journal);
    first.crash?.(new Error('as a bug would'));
    const flushed = journal.flush();
    await eventually(() => ends.length === 1, 'word of its end');
    // Answered by its end, and not when a flush has taken too long; then at once.
    const heard = async (flush: Promise<boolean>) => Promise.race([flush, pause(1000).then(() => 'waits')]);
    expect(await heard(flushed)).toBe(false);
    expect(await heard(journal.flush())).toBe(false);
    await start();
    await writes(journal);
  });

  it('that was given up and ends late takes nothing from the one that followed it', async () => {
    const { journal, ledger, ends, start } = await scene();
    const late = await start();
    await start();
    await late.stop('kill');
    await writes(journal);
    ledger.tickets = () => {
      throw new TypeError('cannot read properties of undefined');
    };
    await eventually(() => ends.length === 1, 'that checkpoints are made');
  });

  it('fails where the main thread makes a mistake over a checkpoint, in whichever of its lives', async () => {
    const { ledger, ends, start } = await scene();
    const first = await start();
    first.crash?.(new Error('as a bug would'));
    await eventually(() => ends.length === 1, 'word of its end');
    await start();
    ledger.tickets = () => {
      throw new TypeError('cannot read properties of undefined');
    };
    await eventually(() => ends.length === 2, 'its end');
    expect(ends[1]).toMatchObject({
      type: 'crashed',
      error: { message: expect.stringContaining('cannot read properties of undefined') },
    });
  });

  it('is told of every active pool again and again, and of names when ledgers are made', async () => {
    const { journal, ledger, directory, start } = await scene();
    await define(ledger);
    journal.named('web', ['a']);
    await start();
    const reader = openJournalReader(directory);
    // Two may tell of the same ticket: one made before the first segment was, and one for that.
    const tickets = () => new Set([...reader.checkpoints(keyOf('web'))].map(({ ticket }) => ticket)).size;
    const told = async () => {
      work(ledger, 10);
      await writes(journal);
      return tickets();
    };
    // The first is late where its thread is.
    await expect.poll(told, { interval: 250 }).toBeGreaterThanOrEqual(2);
    expect(reader.nameOf(keyOf('a'))).toBe('a');
    expect(replayPool(reader, 'web').checkpoints).toBe(tickets());
    reader.close();
  });

  it('has the names of all backends that a request was tried at', async () => {
    const { journal, directory, start } = await scene();
    await start();
    const backends = new Map(['a', 'b'].map((id) => [keyOf(id), { id }]));
    const pool = { name: 'web', key: keyOf('web'), backends };
    const refused = { backendKey: keyOf('b'), ticket: 7, leasedAtMs: now(), end: 'connect_refused' } as const;
    const tenancy = { waitedMs: 0, earlier: [refused], backendKey: keyOf('a'), ticket: 8, leasedAtMs: now() };
    const request = { ...requestOf(1), pool, tenancy };
    journal.requests().record(request, now());
    await writes(journal);
    const reader = openJournalReader(directory);
    expect(reader.find(request.id)?.attempts.map(({ backend }) => backend.name)).toEqual(['b', 'a']);
    reader.close();
  });

  it('says while it writes the pages of the log back, and when it no longer does', async () => {
    const { directory, writesBack, ends, start } = await scene();
    const first = await start();
    const log = openSqliteLog({ directory, now: Date.now });
    await eventually(() => writesBack.length === 1, 'word that it writes back');
    first.crash?.(new Error('as a bug would'));
    await eventually(() => ends.length === 1, 'word of its end');
    const second = await start();
    await eventually(() => writesBack.length === 3, 'word of the next one');
    await second.stop('shutdown');
    expect(writesBack).toEqual([true, false, true, false]);
    await log.close();
  });

  it('leaves its last segment a file that stands for itself', async () => {
    const { journal, directory, start } = await scene();
    const child = await start();
    journal.requests().record(requestOf(1), now());
    await child.stop('shutdown');
    expect(readdirSync(join(directory, 'journal'))).toEqual(['segment-00000001.db']);
  });
});
