/** What history pours, as an answer: refused while nothing was said yet, JSON or NDJSON afterwards. */
import type { Historian, PouredQuestion, WishOf } from '../history/index.ts';
import type { Call } from './call.ts';
import type { Reply } from './reply.ts';

type Type = 'application/json' | 'application/x-ndjson';

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
