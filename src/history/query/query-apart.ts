/** Answers a query in a separate process, which is killed when its time is over or nobody wants the answer. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SentError } from '../thread/messages.ts';
import { receivedError } from '../thread/sent-error.ts';
import { Unanswerable } from '../unanswerable.ts';
import { type Answer, MOST_MEGABYTES, type QueryOrder } from './query-wish.ts';

const ENTRY = import.meta.url.endsWith('.ts') ? './query-process.ts' : './query-process.js';
// Long enough for a process to start even on the busiest machine.
const BEGIN_MS = 60_000;
// The process also watches the clock itself, and its own message says more.
const GRACE_MS = 500;

type Answered = { readonly answer: Answer } | { readonly error: SentError };
type Told = { readonly type: 'begun' } | Answered;

export async function queryApart(order: QueryOrder, ms: number, signal: AbortSignal): Promise<Answer> {
  const child = begunProcess();
  const end = () => child.kill('SIGKILL');
  signal.addEventListener('abort', end, { once: true });
  let isLate = false;
  const endLate = () => {
    isLate = true;
    end();
  };
  let timer = setTimeout(endLate, BEGIN_MS);
  try {
    const told = await answerOf(child, order, () => {
      clearTimeout(timer);
      timer = setTimeout(endLate, ms + GRACE_MS);
    });
    if (told === undefined) throw new Unanswerable('invalid_query', isLate ? tooLong(ms) : TOO_LARGE);
    if ('error' in told) throw receivedError(told.error);
    return told.answer;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    end();
    signal.throwIfAborted();
  }
}

function begunProcess(): ChildProcess {
  const entry = fileURLToPath(new URL(ENTRY, import.meta.url));
  const execArgv = [`--max-old-space-size=${MOST_MEGABYTES}`];
  try {
    return fork(entry, [], { execArgv, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  } catch (error) {
    throw noProcess(error as Error);
  }
}

/** Undefined if the process ended without an answer. */
function answerOf(child: ChildProcess, order: QueryOrder, begun: () => void): Promise<Answered | undefined> {
  return new Promise((resolve, reject) => {
    child.on('message', (message) => {
      const told = message as Told;
      if ('type' in told) begun();
      else resolve(told);
    });
    // A process that could not be started has two errors: it was not found, and it cannot be sent anything.
    child.on('error', (error) => reject(noProcess(error)));
    // Not its exit, which may be reported before its last message.
    child.once('disconnect', () => resolve(undefined));
    // Without file descriptors left it has no channel either.
    if (child.connected) child.send(order);
  });
}

// Nothing else ends the process except the system, when memory runs out.
const TOO_LARGE = `expected an answer that takes ${MOST_MEGABYTES} MB at most, found one that takes more; narrow it with since and until`;

function noProcess(why: Error): Unanswerable {
  return new Unanswerable(
    'history_unavailable',
    `expected a process for the query, found none: ${why.message}`,
  );
}

function tooLong(ms: number): string {
  return `expected an answer within ${ms} ms and ${MOST_MEGABYTES} MB, found none; narrow it with since and until`;
}
