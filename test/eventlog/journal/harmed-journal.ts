/**
 * A journal whose segment is harmed, and what must be so of it all the same: nothing is read that was not written, what is missing is
 * told by a check, and whoever writes goes on. Throws where that is not so.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  JOURNAL_DIRECTORY,
  openJournalReader,
  type RequestRecord,
  writeCheckpoint,
} from '../../../eventlog/index.ts';
import { type Harm, type Harmable, type Harmed, harmed, mustBeTold } from '../../support/harm.ts';
import { lastChangeIn } from '../../support/write-ahead-log.ts';
import { finished, JournalDesk, RUN, record } from './desk.ts';

const SEGMENT = 'segment-00000001.db';
const POOL = 4242;
const TURNS = 12;
const OF_A_TURN = 5;

export class HarmedJournal implements Harmable {
  readonly kind: Harmed;
  readonly #place = mkdtempSync(join(tmpdir(), 'switchyard-harmed-'));
  readonly #files: ReadonlyMap<string, Buffer>;
  readonly #harmed: string;
  readonly #original: ReadonlyMap<string, RequestRecord>;

  constructor(kind: Harmed) {
    this.kind = kind;
    const desk = new JournalDesk(this.#place);
    const ring = desk.producer();
    const writer = desk.writer();
    for (let turn = 0; turn < TURNS; turn++) {
      desk.nowMs = RUN + turn * 10;
      for (let each = 0; each < OF_A_TURN; each++) {
        const startedAtMs = desk.nowMs + 0.25;
        const peerId = each === 0 ? `peer-${turn}` : '';
        record(
          ring,
          finished({ sequence: turn * OF_A_TURN + each, startedAtMs, peerId, target: `/${turn}` }),
        );
      }
      writeCheckpoint(ring, POOL, turn + 1, desk.nowMs, new Uint8Array([1, 2, turn]));
      writer.turn();
    }
    if (kind === 'file') writer.close();
    const names = kind === 'file' ? [SEGMENT] : [SEGMENT, `${SEGMENT}-wal`];
    this.#files = new Map(names.map((name) => [name, readFileSync(this.#path(name))] as const));
    this.#harmed = names.at(-1)!;
    const reader = openJournalReader(this.#place);
    this.#original = new Map([...reader.requests()].map((request) => [request.id, request]));
    reader.close();
    if (kind === 'wal') writer.close();
    assert.equal(this.#original.size, TURNS * OF_A_TURN);
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
      const found = [...reader.requests()];
      for (const request of found) {
        const original = this.#original.get(request.id);
        // No sum covers which run a block is of, nor the words of a segment's vocabulary: a flip there is told of by nobody.
        const { run, method, outcome, phase } = original ?? request;
        assert.deepEqual({ ...request, run, method, outcome, phase }, original);
      }
      let isMissing = found.length < this.#original.size || [...reader.checkpoints()].length < TURNS;
      for (const id of this.#original.keys()) {
        const one = reader.find(id);
        assert(one === undefined || one.id === id);
        isMissing ||= one === undefined;
      }
      isMissing ||= reader.find('peer-3')?.peerId !== 'peer-3';
      for (const _ of reader.check());
      if (isTold && isMissing) assert(told > 0, 'what is missing is not told');
    } finally {
      reader.close();
    }
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
