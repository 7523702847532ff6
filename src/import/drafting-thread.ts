/**
 * The program of the drafting thread: it reads lines ahead of the import thread, and decides their commands as far as
 * that is possible before their turn.
 */
import { Readable } from 'node:stream';
import { parentPort, workerData } from 'node:worker_threads';
import { localAddresses } from '../config/index.ts';
import { Credits } from './credits.ts';
import { cutLines } from './cut-lines.ts';
import { draftChunks } from './draft-chunks.ts';
import type { DraftedChunk } from './drafted.ts';
import type { ImportWish } from './importer.ts';
import {
  type Begin,
  type DraftBoot,
  FITTING,
  type FromDrafter,
  type More,
  type Piece,
  type ToDrafter,
} from './messages.ts';
import { gathered } from './read-chunks.ts';

// What is written in 30 ms, with one fsync: no burden while nobody else waits.
const TURN_LINES = 2000;
// 1 MiB if the lines are long: five times the size of as many short ones. At most five commits of an import are in
// progress: one being written, three read ahead, and one waiting to be reported. A draft is twice as long.
const TURN_CHARACTERS = 1_048_576;
// Bytes that wait to be read, per import: what one commit writes, and as much again.
const HELD_BYTES = 262_144;

type Session = { readonly bytes: Readable; readonly credits: Credits };

const { fitting } = workerData as DraftBoot;
const parent = parentPort;
if (parent === null) throw new Error('drafting-thread.ts is the program of a worker thread');

const sessions = new Map<number, Session>();

function tell(message: FromDrafter): void {
  parent?.postMessage(message);
}

function begin({ id, wish, listeners, bytes: port }: Begin): void {
  const bytes = new Readable({
    highWaterMark: HELD_BYTES,
    read: () => port.postMessage('more' satisfies More),
    destroy: (error, destroyed) => {
      port.close();
      destroyed(error);
    },
  });
  port.on('message', (piece: Piece) => bytes.push(piece));
  const session: Session = { bytes, credits: new Credits() };
  sessions.set(id, session);
  drafted(id, session, wish, listeners).then(
    () => tell({ type: 'ended', id }),
    (error: Error) => tell({ type: 'failed', id, message: error.message }),
  );
}

async function drafted(
  id: number,
  { bytes, credits }: Session,
  { size, by, ...numbering }: ImportWish,
  listeners: readonly string[],
): Promise<void> {
  const reading = {
    ownAddresses: () => ({ listeners, local: localAddresses() }),
    isDigested: by.commandId !== undefined,
  };
  const asFits = () => Atomics.load(fitting, FITTING.lines);
  const lines = cutLines(bytes, size ?? asFits, numbering, () => bytes.readableLength > 0);
  try {
    for await (const chunks of gathered(draftChunks(lines, reading, by, isWorthIt), isTurnFull)) {
      await credits.take();
      tell({ type: 'chunks', id, chunks });
    }
  } finally {
    sessions.delete(id);
    bytes.destroy();
  }
}

function isTurnFull(chunks: readonly DraftedChunk[]): boolean {
  let [lines, characters] = [0, 0];
  for (const chunk of chunks) {
    lines += chunk.to - chunk.from + 1;
    characters += chunk.type === 'drafted' ? chunk.commands.length : 0;
  }
  return lines >= TURN_LINES || characters >= TURN_CHARACTERS;
}

function isWorthIt(): boolean {
  // It may be below 0, if it was reset to 0 in between.
  if (Atomics.load(fitting, FITTING.spared) <= 0) return true;
  Atomics.sub(fitting, FITTING.spared, 1);
  return false;
}

function cancel(id: number): void {
  const session = sessions.get(id);
  const reason = new Error('nobody wants it any more');
  session?.bytes.destroy(reason);
  session?.credits.close(reason);
}

parent.on('message', (message: ToDrafter | { type: 'stop' }) => {
  switch (message.type) {
    case 'begin':
      return begin(message);
    case 'take':
      sessions.get(message.id)?.credits.add();
      return;
    case 'cancel':
      return cancel(message.id);
    case 'stop':
      for (const id of sessions.keys()) cancel(id);
      parent.close();
      return;
  }
});
