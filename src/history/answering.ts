/** One question being answered: text as it is taken, and the answer at its end. */
import { ANSWERERS, LONG_ANSWERERS, POURERS } from './answerers.ts';
import { answerOf, progressLines } from './progress.ts';
import type { Room } from './room.ts';

export type Answering = AsyncGenerator<string, unknown, undefined>;

type Answerer = (wish: unknown, room: Room) => unknown;
type LongAnswerer = (wish: unknown, room: Room) => AsyncGenerator<unknown, unknown>;
type Pourer = (wish: unknown, room: Room) => Answering;

export async function* answering(question: string, wish: unknown, room: Room, isPoured: boolean): Answering {
  try {
    return yield* answererOf(question, wish, room, isPoured);
  } finally {
    room.leave?.();
  }
}

/** The wish was checked where it came in: both sides are made from the same tables. */
function answererOf(question: string, wish: unknown, room: Room, isPoured: boolean): Answering {
  if (Object.hasOwn(LONG_ANSWERERS, question)) {
    const answerer = LONG_ANSWERERS[question as keyof typeof LONG_ANSWERERS] as LongAnswerer;
    return isPoured
      ? progressLines(answerer(wish, room))
      : answered((_, from) => answerOf(answerer(wish, from)), wish, room);
  }
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
