/** The program of the history thread: it answers the main thread's questions, several at once, in turns. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Answering, answering } from '../answering.ts';
import { sourcesOf } from '../files/sources.ts';
import { giveWay } from '../give-way.ts';
import { roomOf } from '../room.ts';
import type { FromHistory, HistoryBoot, ToHistory } from './messages.ts';
import { sentError } from './sent-error.ts';

const { directory, niceness } = workerData as HistoryBoot;
const parent = parentPort;
if (parent === null) throw new Error('reading-thread.ts is the program of a worker thread');

// Elsewhere than on Linux it would apply to the whole process.
if (process.platform === 'linux' && niceness > 0) giveWay(niceness);

type Open = { readonly pieces: Answering; readonly abort: AbortController };

const { sources, close } = sourcesOf(directory, Date.now);
const open = new Map<number, Open>();

function begin({ id, question, wish, isPoured }: Extract<ToHistory, { type: 'ask' }>): void {
  const abort = new AbortController();
  const room = roomOf(sources(), abort.signal);
  open.set(id, { pieces: answering(question, wish, room, isPoured), abort });
}

async function next(id: number): Promise<void> {
  const pieces = open.get(id)?.pieces;
  if (pieces === undefined) return;
  const turn = await pieces.next();
  if (turn.done !== true) return tell({ id, reply: { type: 'part', text: turn.value } });
  open.delete(id);
  tell({ id, reply: { type: 'answer', answer: turn.value } });
}

function failed(id: number, error: unknown): void {
  open.delete(id);
  tell({ id, reply: { type: 'failed', error: sentError(error) } });
}

function tell(message: FromHistory): void {
  parent?.postMessage(message);
}

function cancel(id: number): void {
  const asked = open.get(id);
  open.delete(id);
  asked?.abort.abort();
  // A generator that is suspended at a piece ends there; a working one ends at its next `breathe`.
  asked?.pieces.return(undefined).catch(() => undefined);
}

parent.on('message', (message: ToHistory) => {
  switch (message.type) {
    case 'ask':
      try {
        begin(message);
      } catch (error) {
        return failed(message.id, error);
      }
      return void next(message.id).catch((error: unknown) => failed(message.id, error));
    case 'next':
      return void next(message.id).catch((error: unknown) => failed(message.id, error));
    case 'cancel':
      return cancel(message.id);
    case 'stop':
      for (const id of open.keys()) cancel(id);
      close();
      parent.close();
      return;
    case 'fail':
      throw new Error(message.message);
  }
});
