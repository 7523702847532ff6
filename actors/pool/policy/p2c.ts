/** Picks the less busy, for its weight, of two rows drawn at random: "the power of two choices". */
import { type Field, NONE, type Row } from './policy.ts';

// The open rows of the current pick: kept here so that a pick makes no garbage.
let open = new Int32Array(256);

export function p2c(field: Field): Row {
  const { rows } = field;
  if (rows > open.length) open = new Int32Array(2 * rows);
  let count = 0;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    if (!field.isOpen(row)) continue;
    open[count] = row;
    count += 1;
    total += field.weight(row);
  }
  if (count < 2) return count === 0 ? NONE : open[0]!;
  const first = take(field, count, field.below(total));
  total -= field.weight(first);
  // The first is not in the second draw: the last row has taken its place.
  const second = take(field, count - 1, field.below(total));
  const more = field.inFlight(second) * field.weight(first) - field.inFlight(first) * field.weight(second);
  // If equal, the first, so that an idle pool is used in proportion to weight.
  return more < 0 ? second : first;
}

/** The row at which the sum of weights exceeds the number drawn; the last row takes its place. */
function take(field: Field, count: number, drawn: number): Row {
  let i = 0;
  for (let left = drawn - field.weight(open[0]!); left >= 0; left -= field.weight(open[i]!)) i += 1;
  const row = open[i]!;
  open[i] = open[count - 1]!;
  return row;
}
