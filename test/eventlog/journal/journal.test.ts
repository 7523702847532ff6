import { afterEach, describe, expect, it } from 'vitest';
import { openJournalReader, writeCheckpoint, writeName } from '../../../eventlog/index.ts';
import { finished, idOf, JournalDesk, OTHER, RUN, record } from './desk.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function desk(more: ConstructorParameters<typeof JournalDesk>[1] = {}): JournalDesk {
  return new JournalDesk(temporaryDirectory(), more);
}

function reading(directory: string) {
  const reader = openJournalReader(directory);
  closers.push(() => reader.close());
  return reader;
}

describe('a journalled request', () => {
  it('of more than a block takes is in one behind it, and none is lost', () => {
    const journal = desk({ ringBytes: 2 ** 20 });
    const ring = journal.producer();
    const writer = journal.writer();
    // A block takes 256 KiB, and these come to three times as much.
    const target = `/${'x'.repeat(8000)}`;
    const requests = Array.from({ length: 100 }, (_, sequence) => finished({ sequence, target }));
    for (const request of requests) expect(record(ring, request)).toBe(true);
    writer.turn();
    const reader = reading(journal.directory);
    expect([...reader.requests()].map(({ id }) => id)).toEqual(requests.map(idOf));
    expect([...reader.check()].at(-1)).toEqual({ done: 4, of: 4 });
    expect(reader.gaps()).toEqual([]);
  });

  it('is read back as it was, with the names of what it used', () => {
    const journal = desk();
    const { directory } = journal;
    const ring = journal.producer();
    const writer = journal.writer();
    writeName(ring, 12_345_678_901, 'web');
    writeName(ring, 4_503_599_627_370_495, 'web.1');
    const request = finished({
      sequence: 2 ** 40 + 5,
      position: 42,
      method: OTHER,
      methodName: 'PURGE',
      isHttp10: true,
      target: '/a/b?secret=1',
      domain: '*.test',
      poolKey: 12_345_678_901,
      waitedMs: 1.5,
      connectStartedMs: RUN + 1.75,
      connectedAtMs: RUN + 2,
      status: 503,
      bytesIn: 12,
      bytesOut: 70_000,
      outcome: 1,
      phase: 1,
      peerId: 'from-the-peer',
    });
    const first = request.addAttempt();
    Object.assign(first, { backendKey: 7, ticket: 3, startedAtMs: RUN + 0.25, end: 0 });
    const second = request.addAttempt();
    Object.assign(second, {
      backendKey: 4_503_599_627_370_495,
      ticket: 900,
      startedAtMs: RUN + 1.75,
      end: OTHER,
    });
    expect(record(ring, request)).toBe(true);
    expect(writer.turn()).toBe(true);

    const found = reading(directory).find(idOf(request));
    expect(found).toEqual({
      id: idOf(request),
      peerId: 'from-the-peer',
      run: RUN,
      worker: 1,
      startedAtMs: RUN + 0.25,
      endedAtMs: RUN + 3.5,
      position: 42,
      method: 'PURGE',
      version: '1.0',
      host: 'app.test',
      path: '/a/b',
      omitted: 'query',
      domain: '*.test',
      pool: { key: 12_345_678_901, name: 'web' },
      attempts: [
        { backend: { key: 7, name: undefined }, ticket: 3, startedAtMs: RUN + 0.25, end: 'connect_failed' },
        {
          backend: { key: 4_503_599_627_370_495, name: 'web.1' },
          ticket: 900,
          startedAtMs: RUN + 1.75,
          end: undefined,
        },
      ],
      waitedMs: 1.5,
      connectStartedMs: RUN + 1.75,
      connectedAtMs: RUN + 2,
      firstByteAtMs: undefined,
      status: 503,
      bytesIn: 12,
      bytesOut: 70_000,
      outcome: 'queue_timeout',
      phase: 'checkout',
    });
    writer.close();
  });

  it('is read back, and so is what follows, where its head was never understood as far as a method', () => {
    const journal = desk();
    const ring = journal.producer();
    const writer = journal.writer();
    const nothing = { method: OTHER, methodName: '', host: '', target: '', domain: '', position: 300 };
    record(ring, finished({ sequence: 1, ...nothing, status: 400 }));
    record(ring, finished({ sequence: 2, target: '/next' }));
    writer.turn();
    const [bare, next] = [...reading(journal.directory).requests()];
    expect(bare).toMatchObject({ method: '', host: '', path: '', position: 300, status: 400 });
    expect(next).toMatchObject({ method: 'GET', path: '/next' });
    writer.close();
  });

  it('is found by the id a peer gave it, the newest of several', () => {
    const journal = desk();
    const ring = journal.producer();
    const writer = journal.writer();
    record(ring, finished({ sequence: 1, peerId: 'same', target: '/old' }));
    writer.turn();
    record(ring, finished({ sequence: 2, peerId: 'same', target: '/newer' }));
    record(ring, finished({ sequence: 3, peerId: 'same', target: '/new' }));
    record(ring, finished({ sequence: 4, peerId: 'another', target: '/' }));
    writer.turn();
    const reader = reading(journal.directory);
    expect(reader.find('same')?.path).toBe('/new');
    expect(reader.ofPeer('same', 9).map(({ path }) => path)).toEqual(['/new', '/newer', '/old']);
    expect(reader.ofPeer('same', 2)).toHaveLength(2);
    expect(reader.find('other')).toBeUndefined();
    writer.close();
  });

  it('is found by its id among those whose ids differ in one part, and among those that began in a time', () => {
    const journal = desk();
    const ring = journal.producer();
    const writer = journal.writer();
    const later = RUN + 100;
    const all = [
      finished({ sequence: 5 }),
      finished({ sequence: 2 ** 40 + 5 }),
      finished({ sequence: 5, worker: 2 }),
      finished({ sequence: 5, startedAtMs: later, endedAtMs: later + 1 }),
    ].map((request, at) => Object.assign(request, { target: `/${at}` }));
    for (const request of all) record(ring, request);
    writer.turn();
    const reader = reading(journal.directory);
    expect(all.map((request) => reader.find(idOf(request))?.path)).toEqual(['/0', '/1', '/2', '/3']);
    const paths = (fromMs: number, toMs: number) =>
      [...reader.requests({ fromMs, toMs })].map(({ path }) => path);
    expect([paths(RUN, later - 1), paths(later, later)]).toEqual([['/0', '/1', '/2'], ['/3']]);
    writer.close();
  });

  it('keeps the query where that is wished for, and says when a path was too long', () => {
    const journal = desk();
    const ring = journal.producer();
    const writer = journal.writer();
    record(ring, finished({ sequence: 1, target: '/a?b=c' }), true);
    record(ring, finished({ sequence: 2, target: `/${'x'.repeat(8191)}` }));
    record(ring, finished({ sequence: 3, target: `/${'x'.repeat(8192)}` }));
    writer.turn();
    const [kept, whole, cut] = [...reading(journal.directory).requests()];
    expect(kept).toMatchObject({ path: '/a?b=c', omitted: undefined });
    expect(whole).toMatchObject({ path: `/${'x'.repeat(8191)}`, omitted: undefined });
    expect(cut).toMatchObject({ path: `/${'x'.repeat(8191)}`, omitted: 'path' });
    writer.close();
  });
});

describe('a ring', () => {
  it('goes around many times and loses nothing that is committed in time', () => {
    const journal = desk();
    const ring = journal.producer();
    const writer = journal.writer();
    const ids: string[] = [];
    for (let sequence = 0; sequence < 5000; sequence++) {
      const request = finished({ sequence, target: `/${'p'.repeat(sequence % 97)}` });
      expect(record(ring, request)).toBe(true);
      ids.push(idOf(request));
      if (sequence % 100 === 0) writer.turn();
    }
    writer.turn();
    expect([...reading(journal.directory).requests()].map((request) => request.id)).toEqual(ids);
    writer.close();
  });

  it('that is full loses records, never waits, and the gap and a warning say how many', () => {
    const journal = desk();
    const ring = journal.producer();
    const writer = journal.writer();
    writer.turn();
    let lost = 0;
    for (let sequence = 0; sequence < 2000; sequence++) {
      if (!record(ring, finished({ sequence }))) lost++;
    }
    journal.nowMs += 80;
    writer.turn();
    expect(lost).toBeGreaterThan(0);
    const reader = reading(journal.directory);
    expect([...reader.requests()]).toHaveLength(2000 - lost);
    expect(journal.warnings).toEqual([
      expect.stringContaining(
        `was not written in time: ${lost} requests and 0 ledger operations are lost to it; requests go on`,
      ),
    ]);
    expect(reader.gaps()).toEqual([
      { run: RUN, cause: 'overflow', fromMs: RUN, toMs: RUN + 80, requests: lost, operations: 0 },
    ]);
    journal.nowMs += 80;
    record(ring, finished({ sequence: 3000 }));
    writer.turn();
    expect(reader.gaps()).toHaveLength(1);
    writer.close();
  });

  it('that stays full makes one gap of all that was lost, and another once it had room', () => {
    const journal = desk();
    const ring = journal.producer();
    const writer = journal.writer();
    writer.turn();
    const lost = [0, 0];
    const crowd = (gap: 0 | 1) => {
      for (let sequence = 0; sequence < 2000; sequence++)
        if (!record(ring, finished({ sequence }))) lost[gap]! += 1;
      journal.nowMs += 80;
      writer.turn();
    };
    for (let turns = 0; turns < 3; turns++) crowd(0);
    journal.nowMs += 80;
    record(ring, finished({ sequence: 3000 }));
    writer.turn();
    crowd(1);
    const whole = { run: RUN, cause: 'overflow', operations: 0 };
    expect(reading(journal.directory).gaps()).toEqual([
      { ...whole, fromMs: RUN, toMs: RUN + 240, requests: lost[0] },
      { ...whole, fromMs: RUN + 320, toMs: RUN + 400, requests: lost[1] },
    ]);
    writer.close();
  });

  it('shows nothing of a record that its thread did not finish', () => {
    const journal = desk();
    const dying = journal.producer();
    dying.begin(200);
    dying.text('half a record');
    const next = journal.producer();
    record(next, finished({ sequence: 8 }));
    const writer = journal.writer();
    writer.turn();
    expect([...reading(journal.directory).requests()]).toHaveLength(1);
    writer.close();
  });
});

describe('a writer', () => {
  it('that dies between a commit and saying so is followed by one that takes nothing twice', () => {
    const journal = desk();
    const ring = journal.producer();
    for (let sequence = 0; sequence < 10; sequence++) record(ring, finished({ sequence }));
    const words = new Int32Array(journal.shared.buffer);
    const before = words.slice();
    const dying = journal.writer();
    dying.turn();
    // All that it said after the commit is taken back: the tail, and its figures.
    words.set(before);
    record(ring, finished({ sequence: 10 }));
    const next = journal.writer();
    next.turn();
    const sequences = [...reading(journal.directory).requests()].map((request) => request.id);
    expect(new Set(sequences).size).toBe(11);
    expect(sequences).toHaveLength(11);
    next.close();
    dying.close();
  });

  it('that dies before a commit loses nothing', () => {
    const journal = desk();
    const ring = journal.producer();
    record(ring, finished({ sequence: 1 }));
    journal.writer();
    const next = journal.writer();
    next.turn();
    expect([...reading(journal.directory).requests()]).toHaveLength(1);
    expect(reading(journal.directory).gaps()).toEqual([]);
    next.close();
  });

  it('records since when nothing was recorded, once for each start', () => {
    const directory = temporaryDirectory();
    const first = new JournalDesk(directory);
    record(first.producer(), finished());
    const writer = first.writer();
    writer.turn();
    writer.close();
    const later = new JournalDesk(directory, { run: RUN + 60_000 });
    const second = later.writer();
    second.turn();
    second.turn();
    const again = later.writer();
    again.turn();
    expect(reading(directory).gaps()).toEqual([
      {
        run: RUN + 60_000,
        cause: 'stopped',
        fromMs: RUN,
        toMs: RUN + 60_000,
        requests: undefined,
        operations: undefined,
      },
    ]);
    again.close();
    second.close();
  });

  it.each([
    ['since the last commit', 10_000],
    ['since the run began, if nothing was committed', 0],
  ])('whose predecessors died of what they found gives it up, and says so: %s', (_since, firstMs) => {
    const journal = desk();
    const ring = journal.producer();
    journal.nowMs += firstMs;
    if (firstMs > 0) {
      record(ring, finished({ sequence: 0 }));
      journal.writer().turn();
    }
    ring.begin(8);
    const frame = ring.bytes.byteOffset + ring.at - 4;
    record(ring, finished({ sequence: 1 }));
    new Int32Array(journal.shared.buffer, frame, 1)[0] = 0;
    for (let deaths = 0; deaths < 2; deaths++) {
      journal.nowMs += 1000;
      expect(() => journal.writer().turn()).toThrow(RangeError);
    }
    journal.nowMs += 1000;
    const third = journal.writer();
    third.turn();
    record(ring, finished({ sequence: 5 }));
    journal.nowMs += 5;
    third.turn();
    const reader = reading(journal.directory);
    const gap = {
      cause: 'discarded',
      requests: undefined,
      fromMs: RUN + firstMs,
      toMs: RUN + firstMs + 3000,
    };
    expect(reader.gaps()).toMatchObject([gap]);
    expect([...reader.requests()]).toHaveLength(firstMs > 0 ? 2 : 1);
    third.close();
  });

  it('counts what an earlier writer was too slow for as lost since the last commit', () => {
    const journal = desk();
    const ring = journal.producer();
    record(ring, finished({ sequence: 0 }));
    journal.writer().turn();
    let lost = 0;
    for (let sequence = 1; sequence < 3000; sequence++) if (!record(ring, finished({ sequence }))) lost++;
    journal.nowMs += 1000;
    const next = journal.writer();
    next.turn();
    const gap = { cause: 'overflow', requests: lost, fromMs: RUN, toMs: RUN + 1000 };
    expect(reading(journal.directory).gaps()).toMatchObject([gap]);
    next.close();
  });
});

describe('names and checkpoints', () => {
  it('are found by key', () => {
    const journal = desk();
    const ring = journal.producer();
    const writer = journal.writer();
    writeName(ring, 5, 'grün');
    writeCheckpoint(ring, 5, 100, RUN + 1, Uint8Array.of(1, 2, 3));
    writeCheckpoint(ring, 6, 7, RUN + 2, Uint8Array.of(4));
    writer.turn();
    writeCheckpoint(ring, 5, 200, RUN + 3, Uint8Array.of(9));
    writer.turn();
    const reader = reading(journal.directory);
    expect(reader.nameOf(5)).toBe('grün');
    expect(reader.nameOf(6)).toBeUndefined();
    const mine = [...reader.checkpoints(5)].map(({ ticket, atMs, state }) => ({
      ticket,
      atMs,
      state: [...state],
    }));
    expect(mine).toEqual([
      { ticket: 100, atMs: RUN + 1, state: [1, 2, 3] },
      { ticket: 200, atMs: RUN + 3, state: [9] },
    ]);
    expect([...reader.checkpoints()]).toHaveLength(3);
    writer.close();
  });
});
