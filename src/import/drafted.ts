/** A chunk of lines on its way from the drafting thread to the import thread. */
import type { Command, Draft } from '../../actors/index.ts';
import type { Chunk, SoundChunk, UnreadableChunk } from './read-chunks.ts';

export type Drafted = Chunk & {
  readonly type: 'drafted';
  /** Undefined: a draft was not worth it, or one of the lines would be refused. */
  readonly draft: Draft | undefined;
  /** The parsed commands as JSON: one string is faster to send than so many objects. */
  readonly commands: string;
  /** The line of each command. */
  readonly lines: Float64Array;
  readonly digest: string;
};

export type DraftedChunk = Drafted | UnreadableChunk;

/** The chunk that it was drafted from. */
export function readOf({ from, to, commands, lines, digest }: Drafted): SoundChunk {
  const said = JSON.parse(commands) as readonly Command[];
  return { from, to, type: 'read', commands: said, lines: [...lines], digest };
}
