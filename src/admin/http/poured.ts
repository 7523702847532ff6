/** Text from history as a response: a refusal if nothing was sent yet, JSON or NDJSON afterwards. */
import {
  answerOf,
  type Historian,
  type LongQuestion,
  type PouredQuestion,
  type WishOf,
  withAnswer,
} from '../../history/index.ts';
import { type Call, header } from './call.ts';
import { json, type Reply } from './reply.ts';

const LINES = 'application/x-ndjson';
type Type = 'application/json' | typeof LINES;

/** Whether the client wants one line per item, or per step of progress, instead of one value at the end. */
export function wantsLines(call: Call): boolean {
  return header(call, 'accept')?.includes(LINES) === true;
}

/** With progress for clients that accept lines, otherwise the answer alone. */
export async function answered<Q extends LongQuestion>(
  call: Call,
  history: Historian,
  question: Q,
  wish: WishOf<Q>,
): Promise<Reply> {
  if (wantsLines(call)) return streamed(withAnswer(history.pour(question, wish, call.signal)), LINES);
  return json(await history.ask(question, wish, call.signal));
}

/** The same for work that yields its own lines. */
export async function answeredBy(call: Call, lines: AsyncGenerator<string, unknown>): Promise<Reply> {
  return wantsLines(call) ? streamed(withAnswer(lines), LINES) : json(await answerOf(lines));
}

export function poured<Q extends Exclude<PouredQuestion, LongQuestion>>(
  call: Call,
  history: Historian,
  question: Q,
  wish: WishOf<Q>,
  type: Type,
): Promise<Reply> {
  return streamed(history.pour(question, wish, call.signal), type);
}

/** Waits for the first piece, so that a question that cannot be answered gets a status of its own. */
async function streamed(pieces: AsyncGenerator<string, undefined>, type: Type): Promise<Reply> {
  const first = await pieces.next();
  return {
    type: 'stream',
    status: 200,
    headers: { 'content-type': type },
    pour: async (outlet) => {
      try {
        for (let turn = first; turn.done !== true; turn = await pieces.next()) {
          if (!(await outlet.write(turn.value))) return;
        }
        if (type === 'application/json') await outlet.write('\n');
      } finally {
        await pieces.return(undefined);
      }
    },
  };
}
