/** What history pours, as an answer: refused while nothing was said yet, JSON or NDJSON afterwards. */
import type { Historian, LongQuestion, PouredQuestion, WishOf } from '../history/index.ts';
import { type Call, header } from './call.ts';
import { json, type Reply } from './reply.ts';

const LINES = 'application/x-ndjson';
type Type = 'application/json' | typeof LINES;

/** Whether the client wants a line each of what there is, or of how far it is, in place of one value at the end. */
export function wantsLines(call: Call): boolean {
  return header(call, 'accept')?.includes(LINES) === true;
}

/** With progress for who takes lines, else the answer alone. */
export async function answered<Q extends LongQuestion>(
  call: Call,
  history: Historian,
  question: Q,
  wish: WishOf<Q>,
): Promise<Reply> {
  if (wantsLines(call)) return poured(call, history, question, wish, LINES);
  return json(await history.ask(question, wish, call.signal));
}

/** Waits for the first piece, so that what cannot be answered has a status of its own. */
export async function poured<Q extends PouredQuestion>(
  call: Call,
  history: Historian,
  question: Q,
  wish: WishOf<Q>,
  type: Type,
): Promise<Reply> {
  const pieces = history.pour(question, wish, call.signal);
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
