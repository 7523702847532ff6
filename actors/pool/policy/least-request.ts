/** Picks the fewest requests in flight for the weight; among equals at random, in proportion to weight. */
import { type Field, NONE, type Row } from './policy.ts';

// The rows that tie in the current pick: kept here so that a pick makes no garbage.
let tied = new Int32Array(256);
const MORE_THAN_ANY = 0x7fffffff;

export function leastRequest(field: Field): Row {
  const { rows } = field;
  if (rows > tied.length) tied = new Int32Array(2 * rows);
  let ties = 0;
  let inFlight = MORE_THAN_ANY;
  let weight = 1;
  let tiedWeight = 0;
  let even = true;
  for (let row = 0; row < rows; row++) {
    if (!field.isOpen(row)) continue;
    const rowInFlight = field.inFlight(row);
    const rowWeight = field.weight(row);
    const same = rowWeight === weight;
    // a/b < c/d as a·d < c·b: exact, since both are whole and far below 2^53. A third faster where weights are the same.
    const more = same ? rowInFlight - inFlight : rowInFlight * weight - inFlight * rowWeight;
    if (more > 0) continue;
    if (more < 0) {
      inFlight = rowInFlight;
      weight = rowWeight;
      ties = 0;
      tiedWeight = 0;
      even = true;
    } else if (!same) {
      even = false;
    }
    tied[ties] = row;
    ties += 1;
    tiedWeight += rowWeight;
  }
  if (ties < 2) return ties === 0 ? NONE : tied[0]!;
  // By weight: in an idle pool all are equal at 0 in flight, and weights would be ignored otherwise.
  const drawn = field.below(tiedWeight);
  return even ? tied[Math.floor(drawn / weight)]! : atWeight(field, drawn);
}

/** The tied row at which the sum of weights exceeds the number drawn. */
function atWeight(field: Field, drawn: number): Row {
  let left = drawn - field.weight(tied[0]!);
  let i = 0;
  while (left >= 0) {
    i += 1;
    left -= field.weight(tied[i]!);
  }
  return tied[i]!;
}
