/** What every client is going to do, from the seed alone. */
import { Chance } from '../../../test/support/chance.ts';
import { type Entrance, entranceOf, plainEntranceOf } from './listeners.ts';
import { muchOf, plainOf } from './much.ts';
import { type Request, readingOf, requestOf } from './plan.ts';
import type { Reading } from './reading.ts';

/** What is asked together, and how the answers are taken. */
export type Turn = { readonly reading: Reading; readonly requests: readonly Request[] };

/** One connection of a client: each turn begins when the one before is answered. */
export type Visit = Entrance & { readonly turns: readonly Turn[] };

/** The visits of one client, without end. */
export function* visitsOf(seed: number, client: number): Generator<Visit> {
  const chance = new Chance(Math.imul(seed + 1, 7919) ^ Math.imul(client + 1, 104_729));
  let sequence = 0;
  const id = () => `soak-${seed}-client-${client}-request-${sequence++}`;
  for (;;) {
    if (chance.below(80) === 0) {
      const request: Request = { ...plainOf(chance, id()), misdeed: 'preface' };
      yield { ...plainEntranceOf(chance), turns: [{ reading: 'at-once', requests: [request] }] };
    }
    const count = 1 + chance.below(4);
    const turns = Array.from({ length: count }, (_, turn) => turnOf(chance, id, turn === count - 1));
    yield { ...entranceOf(chance), turns };
  }
}

/** Several at once are pipelined; only the last of a visit may spoil its connection. */
function turnOf(chance: Chance, id: () => string, isLast: boolean): Turn {
  if (isLast && chance.below(16) === 0) return { reading: 'when-full', requests: muchOf(chance, id) };
  const count = chance.below(3) === 0 ? 2 + chance.below(5) : 1;
  const requests = Array.from({ length: count }, (_, index) => {
    const isEnd = isLast && index === count - 1;
    return requestOf(chance, id(), count === 1, isEnd);
  });
  return { reading: readingOf(chance, 8), requests };
}
