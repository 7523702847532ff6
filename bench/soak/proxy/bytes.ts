/** Bodies and the pieces they are sent in: a body follows from its key, so that a foreign byte is seen and names its owner. */
import type { Chance } from '../../../test/support/chance.ts';

const MOST_GRAIN = 12_000;

/** Lines of the key and their number, cut to length: neither bytes of others nor a shift go unseen. */
export function bodyOf(key: string, length: number): Buffer {
  let text = '';
  for (let line = 0; text.length < length; line++) text += `${key} ${line}\n`;
  return Buffer.from(text.slice(0, length), 'latin1');
}

/** The first difference between what should have come and what did, in words; undefined: there is none. */
export function differenceOf(expected: Buffer, found: Buffer, isWhole: boolean): string | undefined {
  const common = Math.min(expected.length, found.length);
  if (expected.subarray(0, common).equals(found.subarray(0, common))) {
    if (found.length === expected.length || (!isWhole && found.length < expected.length)) return undefined;
    return `expected ${expected.length} bytes, found ${found.length}`;
  }
  let at = 0;
  while (expected[at] === found[at]) at++;
  const around = (bytes: Buffer) => JSON.stringify(bytes.toString('latin1', Math.max(0, at - 20), at + 60));
  return `expected ${around(expected)} at byte ${at}, found ${around(found)}`;
}

export type Pace = 'whole' | 'odd' | 'drip';

/** `odd`: up to eight pieces of any size. `drip`: the first bytes one by one. */
export function piecesOf(bytes: Buffer, pace: Pace, chance: Chance): Buffer[] {
  if (pace === 'whole' || bytes.length < 2) return [bytes];
  const cuts =
    pace === 'odd'
      ? Array.from({ length: 1 + chance.below(7) }, () => 1 + chance.below(bytes.length - 1))
      : Array.from({ length: Math.min(40, bytes.length - 1) }, (_, index) => index + 1);
  const edges = [0, ...new Set(cuts.toSorted((a, b) => a - b)), bytes.length];
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
}

/** Each small beside what is read at once. */
function grainsOf(bytes: Buffer, chance: Chance): Buffer[] {
  const grains: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += grains.at(-1)!.length)
    grains.push(bytes.subarray(at, at + 1 + chance.below(MOST_GRAIN)));
  return grains;
}

/** As chunks of odd sizes, with extensions and upper-case sizes among them, without the last one. */
export function chunksOf(body: Buffer, chance: Chance): Buffer {
  const parts: Buffer[] = [];
  const pieces = chance.below(2) === 0 ? piecesOf(body, 'odd', chance) : grainsOf(body, chance);
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    const size = piece.length.toString(16);
    const line = chance.below(4) === 0 ? `${size.toUpperCase()};name=value` : size;
    parts.push(Buffer.from(`${line}\r\n`, 'latin1'), piece, Buffer.from('\r\n', 'latin1'));
  }
  return Buffer.concat(parts);
}
