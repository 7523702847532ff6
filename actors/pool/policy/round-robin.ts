/**
 * Each row in turn, by weight, counted for the whole pool. Time is measured in rounds: a row's turn lasts 1/weight of a
 * round, its score is the start of its next turn, and the mark is the earliest start of all. The turn whose middle comes
 * first is next: if it were the start, all rows would begin each round together, whatever their weight.
 */
import { type Field, NONE, type Row } from './policy.ts';

export function roundRobin(field: Field): Row {
  const { rows } = field;
  const mark = field.mark();
  let next = NONE;
  let nextStart = 0;
  let nextMiddle = 0;
  let first = NONE;
  let firstStart = Number.POSITIVE_INFINITY;
  let secondStart = Number.POSITIVE_INFINITY;
  for (let row = 0; row < rows; row++) {
    if (!field.isOpen(row)) continue;
    // A row that is new, or was away while its turns passed, starts now: it does not get the turns it missed.
    const start = Math.max(field.score(row), mark);
    if (start < firstStart) {
      secondStart = firstStart;
      firstStart = start;
      first = row;
    } else if (start < secondStart) {
      secondStart = start;
    }
    const middle = start + 1 / (2 * field.weight(row));
    if (next !== NONE && middle >= nextMiddle) continue;
    next = row;
    nextStart = start;
    nextMiddle = middle;
  }
  if (next === NONE) return NONE;
  const end = nextStart + 1 / field.weight(next);
  field.setScore(next, end);
  field.setMark(Math.min(end, next === first ? secondStart : firstStart));
  return next;
}
