/**
 * A journal whose segment is harmed, and what must be so of it all the same: nothing is read that was not written, what is missing is
 * told by a check, and whoever writes goes on. Throws where that is not so.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  JOURNAL_DIRECTORY,
  type JournalReader,
  type JournalWriter,
  openJournalReader,
  type RequestRecord,
  writeCheckpoint,
  writeName,
} from '../../../eventlog/index.ts';
import { type Harm, type Harmable, type Harmed, harmed, mustBeTold } from '../../support/harm.ts';
import { lastChangeIn } from '../../support/write-ahead-log.ts';
import { finished, JournalDesk, RUN, record } from './desk.ts';

const SEGMENT = 'segment-00000001.db';
const POOL = 4242;
const BACKEND = 777;
const NAMES = new Map([
  [POOL, 'web'],
  [BACKEND, 'web.1'],
]);
const TURNS = 12;
const OF_A_TURN = 5;

type Keyed = { readonly key: number; readonly name: string | undefined };
type Original = {
  readonly requests: ReadonlyMap<string, RequestRecord>;
  readonly checkpoints: readonly unknown[];
  readonly gaps: readonly unknown[];
};

export class HarmedJournal implements Harmable {
  readonly kind: Harmed;
  readonly #place = mkdtempSync(join(tmpdir(), 'switchyard-harmed-'));
  readonly #files: ReadonlyMap<string, Buffer>;
  readonly #harmed: string;
  readonly #original: Original;

  constructor(kind: Harmed) {
    this.kind = kind;
    // Two lives, with a gap between them.
    live(this.#place, RUN, 0, TURNS / 2).close();
    const writer = live(this.#place, RUN + 50_000, TURNS / 2, TURNS);
    if (kind === 'file') writer.close();
    const names = kind === 'file' ? [SEGMENT] : [SEGMENT, `${SEGMENT}-wal`];
    this.#files = new Map(names.map((name) => [name, readFileSync(this.#path(name))] as const));
    this.#harmed = names.at(-1)!;
    const reader = openJournalReader(this.#place);
    const requests = new Map([...reader.requests()].map((request) => [request.id, request]));
    this.#original = { requests, checkpoints: [...reader.checkpoints()], gaps: reader.gaps() };
    reader.close();
    if (kind === 'wal') writer.close();
    assert.equal(requests.size, TURNS * OF_A_TURN);
    assert.equal(this.#original.checkpoints.length, TURNS);
    assert.equal(this.#original.gaps.length, 1);
    for (const { pool, attempts } of requests.values())
      assert.deepEqual([pool?.name, attempts[0]?.backend.name], ['web', 'web.1']);
  }

  get bytes(): number {
    return this.#files.get(this.#harmed)!.length;
  }

  get lastChangeAt(): number {
    return this.kind === 'file' ? this.bytes : lastChangeIn(this.#files.get(this.#harmed)!, 8192);
  }

  suffer(harm: Harm): void {
    rmSync(this.#path(''), { recursive: true });
    mkdirSync(this.#path(''));
    for (const [name, bytes] of this.#files)
      writeFileSync(this.#path(name), name === this.#harmed ? harmed(bytes, harm) : bytes);
    this.#read(mustBeTold(this, harm));
    this.#goOn();
  }

  [Symbol.dispose](): void {
    rmSync(this.#place, { recursive: true, force: true });
  }

  #read(isTold: boolean): void {
    let told = 0;
    const reader = openJournalReader(this.#place, { damaged: () => (told += 1) });
    try {
      const requests = this.#requestsIn(reader);
      const checkpoints = among([...reader.checkpoints()], this.#original.checkpoints);
      const gaps = among(reader.gaps(), this.#original.gaps);
      const found = this.#findsIn(reader);
      for (const _ of reader.check());
      if (isTold && !(requests && checkpoints && gaps && found))
        assert(told > 0, 'what is missing is not told');
    } finally {
      reader.close();
    }
  }

  /** Whether all of them are read as they were written. */
  #requestsIn(reader: JournalReader): boolean {
    const originals = this.#original.requests;
    const found = [...reader.requests()];
    const whole = found.filter((request) => isWhole(request, originals.get(request.id)));
    return whole.length === originals.size;
  }

  #findsIn(reader: JournalReader): boolean {
    const found = [...this.#original.requests.keys()].filter((id) => {
      const one = reader.find(id);
      assert(one === undefined || one.id === id);
      return one !== undefined;
    });
    return found.length === this.#original.requests.size && reader.find('peer-3')?.peerId === 'peer-3';
  }

  /** In a run of its own: whatever the harm, it can be written on. */
  #goOn(): void {
    const desk = new JournalDesk(this.#place, { run: RUN + 100_000 });
    const writer = desk.writer();
    record(desk.producer(), finished({ sequence: 7777, startedAtMs: desk.nowMs + 0.25 }));
    for (let turn = 0; turn < 3; turn++, desk.nowMs += 2000) writer.turn();
    writer.close();
  }

  #path(name: string): string {
    return join(this.#place, JOURNAL_DIRECTORY, name);
  }
}

/** Writes these turns, and leaves its writer open. */
function live(place: string, run: number, from: number, to: number): JournalWriter {
  const desk = new JournalDesk(place, { run });
  const ring = desk.producer();
  const writer = desk.writer();
  for (const [key, name] of NAMES) writeName(ring, key, name);
  for (let turn = from; turn < to; turn++) {
    desk.nowMs = run + turn * 10;
    for (let each = 0; each < OF_A_TURN; each++) {
      const request = finished({
        sequence: turn * OF_A_TURN + each,
        startedAtMs: desk.nowMs + 0.25,
        peerId: each === 0 ? `peer-${turn}` : '',
        target: `/${turn}`,
        poolKey: POOL,
      });
      const attempt = request.addAttempt();
      attempt.backendKey = BACKEND;
      attempt.end = each % 2;
      record(ring, request);
    }
    writeCheckpoint(ring, POOL, turn + 1, desk.nowMs, new Uint8Array([1, 2, turn]));
    writer.turn();
  }
  return writer;
}

/** Whether no word and no name is missing. Throws where something else is read than was written. */
function isWhole(found: RequestRecord, original: RequestRecord | undefined): boolean {
  assert(original !== undefined, `a request that nobody made: ${found.id}`);
  let whole = true;
  const known = <T>(word: T, written: T): T => {
    if (word === written) return word;
    whole = false;
    assert(word === undefined || /^code \d+$/.test(String(word)), `${word}, which was ${written}`);
    return written;
  };
  const keyed = (one: Keyed, written: Keyed) => ({ ...one, name: known(one.name, written.name) });
  const readable = {
    ...found,
    method: known(found.method, original.method),
    outcome: known(found.outcome, original.outcome),
    phase: known(found.phase, original.phase),
    pool: found.pool && keyed(found.pool, original.pool!),
    attempts: found.attempts.map((attempt, at) => {
      const { backend, end } = original.attempts[at]!;
      return { ...attempt, backend: keyed(attempt.backend, backend), end: known(attempt.end, end) };
    }),
  };
  assert.deepEqual(readable, original);
  return whole;
}

/** Whether all are among what was found. Throws where something else is. */
function among<T>(found: readonly T[], originals: readonly T[]): boolean {
  for (const one of found)
    assert(
      originals.some((original) => isDeepStrictEqual(one, original)),
      `never written: ${JSON.stringify(one)}`,
    );
  return found.length === originals.length;
}
