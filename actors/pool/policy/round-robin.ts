/**
 * Each in turn, by weight, counted for the whole pool. A row's score is when its next turn is due, in rounds; the mark is
 * the time of the last turn. The earliest goes next and is due again 1/weight of a round later.
 */
import { type Field, NONE, type Row } from './policy.ts';

export function roundRobin(field: Field): Row {
  const now = field.mark();
  let next = NONE;
  let nextDue = 0;
  for (let row = 0; row < field.rows; row++) {
    if (!field.isOpen(row)) continue;
    const due = dueAt(field, row, now);
    if (next !== NONE && due >= nextDue) continue;
    next = row;
    nextDue = due;
  }
  if (next === NONE) return NONE;
  field.setScore(next, nextDue + 1 / field.weight(next));
  field.setMark(nextDue);
  return next;
}

/**
 * One that is new, or was away while its turn passed, joins half a turn from now: it does not get the turns it missed, and
 * a heavy one's turns lie evenly among the others'.
 */
function dueAt(field: Field, row: Row, now: number): number {
  const due = field.score(row);
  return due >= now ? due : now + 1 / (2 * field.weight(row));
}
