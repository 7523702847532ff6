/**
 * The program of the journal's thread: it empties the rings in turn until it is told to stop, or fails. In between it
 * writes back the log's pages, which would stall commands on the main thread.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { recordSource } from '../../../actors/pool/ledger/index.ts';
import { JournalWriter } from '../../../eventlog/journal/index.ts';
import { WriteBack } from '../../../eventlog/sqlite/write-back.ts';
import type { FromJournal, JournalBoot, ToJournal } from './journal-messages.ts';

// With the commit it stays below 100 ms, the most that a kill -9 may lose.
const TURN_MS = 70;
// A ring this full may not last until the next turn.
const CROWDED = 0.2;
const CROWDED_TURN_MS = 5;
// Whatever the rings held at the question is committed within this many turns, even if more arrives.
const FLUSH_TURNS = 20;

const boot = workerData as JournalBoot;
const parent = parentPort;
if (parent === null) throw new Error('journal-thread.ts is the program of a worker thread');

const tell = (message: FromJournal) => parent.postMessage(message);

const writer = new JournalWriter({
  directory: boot.directory,
  shared: boot.shared,
  operations: recordSource(boot.ledger),
  vocabulary: boot.vocabulary,
  maxBytes: boot.maxBytes,
  maxAgeMs: boot.maxAgeMs,
  isBeside: boot.isBeside,
  now: () => performance.timeOrigin + performance.now(),
  warn: (message) => tell({ type: 'warning', message }),
});
const writeBack = new WriteBack({
  directory: boot.data,
  now: () => performance.now(),
  warn: (message) => tell({ type: 'warning', message }),
});
let isAtWork = false;

let next = setTimeout(turn, 0);

function turn(): void {
  const began = performance.now();
  writer.turn();
  writeBackBeside();
  // The time spent on writing back counts towards the pause, so that the journal's turns stay on time.
  const restMs = writer.fullness > CROWDED ? 0 : TURN_MS - (performance.now() - began);
  next = setTimeout(turn, Math.max(CROWDED_TURN_MS, restMs));
}

/** Right after a turn of the journal, since the rings then have room for a while. */
function writeBackBeside(): void {
  writeBack.turn();
  if (writeBack.isAtWork === isAtWork) return;
  isAtWork = writeBack.isAtWork;
  tell({ type: 'writes_back', is: isAtWork });
}

function flush(): boolean {
  for (let turns = 0; turns < FLUSH_TURNS; turns++) if (writer.turn()) return true;
  return false;
}

parent.on('message', (message: ToJournal) => {
  switch (message.type) {
    case 'flush':
      tell({ type: 'flushed', id: message.id, isAll: flush() });
      return;
    case 'stop':
      clearTimeout(next);
      writer.close();
      writeBack.close();
      parent.close();
      return;
    case 'fail':
      throw new Error(message.message);
  }
});
