/** The known word that was most likely meant. */

/**
 * Undefined if nothing is near enough: at most a third of the characters may differ, and always at least one. A word of three
 * or more letters that only one known word begins with means that one.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  // 100: longer words are not typing errors, and the comparison is quadratic.
  if (word.length > 100) return undefined;
  const longer =
    word.length < 3 ? [] : known.filter((each) => each.toLowerCase().startsWith(word.toLowerCase()));
  if (longer.length === 1) return longer[0];
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    // The distance is at least the difference in length.
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours each count once (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const replaced = last[column - 1]! + (same ? 0 : 1);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        replaced,
        last[column]! + 1,
        current[column - 1]! + 1,
        swapped ? beforeLast[column - 2]! + 1 : Number.POSITIVE_INFINITY,
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
