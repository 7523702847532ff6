/** Picks at random, in proportion to weight. */
import { type Field, NONE, type Row } from './policy.ts';

export function random(field: Field): Row {
  let total = 0;
  for (let row = 0; row < field.rows; row++) if (field.isOpen(row)) total += field.weight(row);
  if (total === 0) return NONE;
  let left = field.below(total);
  for (let row = 0; ; row++) {
    if (!field.isOpen(row)) continue;
    left -= field.weight(row);
    if (left < 0) return row;
  }
}
