/** The fewest requests in flight for its weight; among equals, by chance in proportion to weight. */
import { type Field, NONE, type Row } from './policy.ts';

export function leastRequest(field: Field): Row {
  let best = NONE;
  let bestInFlight = 0;
  let bestWeight = 1;
  let ties = 0;
  let tiedWeight = 0;
  for (let row = 0; row < field.rows; row++) {
    if (!field.isOpen(row)) continue;
    const weight = field.weight(row);
    const inFlight = field.inFlight(row);
    // a/b < c/d as a·d < c·b: exact, since both are whole and far below 2^53.
    const left = inFlight * bestWeight;
    const right = bestInFlight * weight;
    if (best !== NONE && left > right) continue;
    if (best === NONE || left < right) {
      best = row;
      bestInFlight = inFlight;
      bestWeight = weight;
      ties = 0;
      tiedWeight = 0;
    }
    ties += 1;
    tiedWeight += weight;
  }
  return ties < 2 ? best : drawTied(field, best, tiedWeight);
}

/** By weight, or an idle pool would ignore weights: there all are equal at nought in flight. */
function drawTied(field: Field, first: Row, tiedWeight: number): Row {
  const inFlight = field.inFlight(first);
  const weight = field.weight(first);
  let left = field.below(tiedWeight);
  for (let row = first; ; row++) {
    if (!field.isOpen(row) || field.inFlight(row) * weight !== inFlight * field.weight(row)) continue;
    left -= field.weight(row);
    if (left < 0) return row;
  }
}
