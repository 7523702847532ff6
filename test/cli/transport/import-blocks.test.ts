import { describe, expect, it } from 'vitest';
import { type Block, blocksOf } from '../../../src/cli/transport/import-blocks.ts';

const MIB = 1_048_576;
const BLOCK = 4 * MIB;

/** Some 1 KB a line, each with its number in it. */
const text = Array.from({ length: 10_000 }, (_, at) => `${at + 1} ${'x'.repeat(at % 2000)}\n`).join('');

async function* pieces(of: string, bytes = 65_536): AsyncGenerator<Uint8Array> {
  const all = Buffer.from(of);
  for (let at = 0; at < all.length; at += bytes) yield all.subarray(at, at + bytes);
}

async function blocks(source: AsyncIterable<Uint8Array>, from = 1): Promise<Block[]> {
  const all: Block[] = [];
  for await (const block of blocksOf(source, from)) all.push(block);
  return all;
}

const joined = (all: readonly Block[]) => Buffer.concat(all.map(({ bytes }) => bytes)).toString();

describe('blocks of a file', () => {
  it('are whole lines, some 4 MiB of them, each with the number of its first', async () => {
    const all = await blocks(pieces(text));
    expect(joined(all)).toBe(text);
    expect(all).toHaveLength(Math.ceil(text.length / BLOCK));
    for (const { first, bytes } of all) expect(bytes.toString().startsWith(`${first} `)).toBe(true);
    for (const { bytes } of all.slice(0, -1)) {
      expect(bytes.length).toBeGreaterThan(BLOCK - 65_536);
      expect(bytes.length).toBeLessThanOrEqual(BLOCK + 65_536);
      expect(bytes.at(-1)).toBe(0x0a);
    }
  });

  it.each([1, 2, 4321, 9999, 10_000])('begin with line %i, if that is where to go on', async (from) => {
    const [first] = await blocks(pieces(text), from);
    expect(first?.first).toBe(from);
    expect(joined(await blocks(pieces(text), from))).toBe(text.slice(text.indexOf(`\n${from} `) + 1));
  });

  it('are none of a file that has no such line, or no line at all', async () => {
    expect(await blocks(pieces(text), 10_001)).toEqual([]);
    expect(await blocks(pieces(''))).toEqual([]);
  });

  it('end with what stands behind the last end of a line', async () => {
    expect(await blocks(pieces('a\nb'), 2)).toEqual([{ first: 2, bytes: Buffer.from('b') }]);
    expect(await blocks(pieces('a'), 2)).toEqual([]);
  });

  it('are none of what is no file of lines: the line is told', async () => {
    const endless = `${text}${'x'.repeat(2 * BLOCK)}`;
    await expect(blocks(pieces(endless))).rejects.toThrow(
      /^line 10001: expected at most 1048576 bytes, found \d+ or more$/,
    );
  });
});
