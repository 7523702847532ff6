/** A chunk of lines on its way from the drafting thread to the import thread. */
import type { Command, Draft } from '../../actors/index.ts';
import type { Chunk, SoundChunk, UnreadableChunk } from './read-chunks.ts';

export type Drafted = Chunk & {
  readonly type: 'drafted';
  /** Undefined: it was not worth one, or one of the lines would be refused. */
  readonly draft: Draft | undefined;
  /** What it was read into, as JSON: of so many objects one text is the quicker to send. */
  readonly commands: string;
  /** Of each command its line. */
  readonly lines: Float64Array;
  readonly digest: string;
};

export type DraftedChunk = Drafted | UnreadableChunk;

/** What it was drafted from. */
export function readOf({ from, to, commands, lines, digest }: Drafted): SoundChunk {
  const said = JSON.parse(commands) as readonly Command[];
  return { from, to, type: 'read', commands: said, lines: [...lines], digest };
}
