/** The fewest requests in flight for its weight; among equals, by chance in proportion to weight. */
import { type Field, NONE, type Row } from './policy.ts';

// The rows that tie, of the pick under way: kept here so that a pick makes no garbage.
const tied: Row[] = [];

export function leastRequest(field: Field): Row {
  let ties = 0;
  let inFlight = 0;
  let weight = 1;
  let tiedWeight = 0;
  let even = true;
  const { rows } = field;
  for (let row = 0; row < rows; row++) {
    if (!field.isOpen(row)) continue;
    const rowInFlight = field.inFlight(row);
    const rowWeight = field.weight(row);
    // a/b < c/d as a·d < c·b: exact, since both are whole and far below 2^53.
    const mine = rowInFlight * weight;
    const best = inFlight * rowWeight;
    if (ties > 0 && mine > best) continue;
    if (ties === 0 || mine < best) {
      inFlight = rowInFlight;
      weight = rowWeight;
      ties = 0;
      tiedWeight = 0;
      even = true;
    } else if (rowWeight !== weight) {
      even = false;
    }
    tied[ties] = row;
    ties += 1;
    tiedWeight += rowWeight;
  }
  if (ties < 2) return ties === 0 ? NONE : tied[0]!;
  // By weight, or an idle pool would ignore weights: there all are equal at nought in flight.
  const drawn = field.below(tiedWeight);
  return even ? tied[Math.floor(drawn / weight)]! : atWeight(field, drawn);
}

/** The tied row at which the weights so far exceed what was drawn. */
function atWeight(field: Field, drawn: number): Row {
  let left = drawn - field.weight(tied[0]!);
  let i = 0;
  while (left >= 0) {
    i += 1;
    left -= field.weight(tied[i]!);
  }
  return tied[i]!;
}
