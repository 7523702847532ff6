/** A file in blocks of whole lines, each with the number of its first line: what one import request carries. */
import { CommandFailed } from '../failure.ts';

export type Block = { readonly first: number; readonly bytes: Uint8Array };

// 4 MiB: about 80 000 domains, two seconds of work. A line may be a quarter of that.
const BLOCK_BYTES = 4_194_304;
const LF = 0x0a;

/** `from`: lines before this one are left out. Throws if the file does not consist of lines. */
export async function* blocksOf(source: AsyncIterable<Uint8Array>, from: number): AsyncGenerator<Block> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  let first = 1;
  for await (const piece of source) {
    held.push(piece);
    bytes += piece.length;
    if (bytes < BLOCK_BYTES) continue;
    const whole = Buffer.concat(held);
    const end = whole.lastIndexOf(LF) + 1;
    if (end === 0)
      throw new CommandFailed([`line ${first}: expected at most 1048576 bytes, found ${bytes} or more`]);
    const rest = whole.subarray(end);
    held = [rest];
    bytes = rest.length;
    const block = behind({ first, bytes: whole.subarray(0, end) }, from);
    first += linesIn(whole.subarray(0, end));
    if (block !== undefined) yield block;
  }
  const block = behind({ first, bytes: Buffer.concat(held) }, from);
  if (block !== undefined) yield block;
}

/** The part of the block from that line on; undefined: nothing. */
function behind({ first, bytes }: Block, from: number): Block | undefined {
  let at = 0;
  let line = first;
  for (; line < from; line += 1) {
    const end = bytes.indexOf(LF, at);
    if (end === -1) return undefined;
    at = end + 1;
  }
  return at === bytes.length ? undefined : { first: line, bytes: bytes.subarray(at) };
}

function linesIn(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) lines += 1;
  return lines;
}
