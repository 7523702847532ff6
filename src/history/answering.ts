/** One question being answered: text as it is taken, and the answer at its end. */
import { ANSWERERS, POURERS } from './answerers.ts';
import type { Room } from './room.ts';

export type Answering = AsyncGenerator<string, unknown, undefined>;

type Answerer = (wish: unknown, room: Room) => unknown;
type Pourer = (wish: unknown, room: Room) => Answering;

/** The wish was checked where it came in: both sides are made from the same tables. */
export function answering(question: string, wish: unknown, room: Room): Answering {
  if (Object.hasOwn(POURERS, question)) {
    return (POURERS[question as keyof typeof POURERS] as Pourer)(wish, room);
  }
  if (!Object.hasOwn(ANSWERERS, question)) throw new TypeError(`expected a question, found ${question}`);
  return answered(ANSWERERS[question as keyof typeof ANSWERERS] as Answerer, wish, room);
}

// biome-ignore lint/correctness/useYield: an answer without text before it
async function* answered(answerer: Answerer, wish: unknown, room: Room): Answering {
  return await answerer(wish, room);
}
