/** Parses chunks of lines, each completely or not at all: the first that cannot be read is the last. */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Command } from '../../actors/index.ts';
import { InternedNames } from '../../eventlog/index.ts';
import { MOST_SHOWN, type OwnAddresses, type Problem, renderProblem } from '../config/index.ts';
import { type Line, NoLine } from './cut-lines.ts';
import { parseLine } from './parse-line.ts';

/** The numbers of its first and last line. */
export type Chunk = { readonly from: number; readonly to: number };

export type Unreadable = {
  readonly type: 'unreadable';
  readonly line: number;
  readonly detail: string;
  readonly problems: readonly Problem[];
};

export type SoundChunk = Chunk & {
  readonly type: 'read';
  /** One of each owner. */
  readonly commands: readonly Command[];
  /** The line of each command. */
  readonly lines: readonly number[];
  /** Of all lines, if wanted. */
  readonly digest: string;
};

export type UnreadableChunk = Chunk & { readonly type: 'failed'; readonly failure: Unreadable };

export type ReadChunk = SoundChunk | UnreadableChunk;

export type Reading = { readonly ownAddresses: () => OwnAddresses; readonly isDigested: boolean };

// The lines read before other work gets a turn: half a millisecond.
const LINES_A_TURN = 100;

/** Undefined if there are no lines, as with `cutLines`. */
export async function* readChunks(
  chunks: AsyncIterable<readonly Line[]>,
  reading: Reading,
): AsyncGenerator<ReadChunk | undefined, void> {
  const numbered = chunks[Symbol.asyncIterator]();
  for (;;) {
    const next = await numbered.next().catch((error: unknown) => failedAt(error));
    if ('failure' in next) return yield next;
    if (next.done === true) return;
    const read = next.value.length === 0 ? undefined : await readChunk(next.value, reading);
    yield read;
    if (read?.type === 'failed') return;
  }
}

/** Groups the chunks that are at hand, until there are enough. */
export async function* gathered<Of extends Chunk>(
  chunks: AsyncIterable<Of | undefined>,
  isEnough: (group: readonly Of[]) => boolean,
): AsyncGenerator<readonly Of[], void> {
  let group: Of[] = [];
  for await (const chunk of chunks) {
    if (chunk !== undefined) {
      group.push(chunk);
      if (!isEnough(group)) continue;
    }
    if (group.length === 0) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

async function readChunk(lines: readonly Line[], { ownAddresses, isDigested }: Reading): Promise<ReadChunk> {
  const chunk = { from: lines[0]?.number ?? 1, to: lines.at(-1)?.number ?? 1 };
  // A later line of the same owner wins; the command's place in the chunk tells its line.
  const places = new InternedNames();
  const commands: Command[] = [];
  const numbers: number[] = [];
  const digest = createHash('sha256');
  const own = askedOnce(ownAddresses);
  for (let index = 0; index < lines.length; index++) {
    const { number, text } = lines[index]!;
    if (index % LINES_A_TURN === LINES_A_TURN - 1) await nextTurn();
    const read = parseLine(text, own);
    if (!read.ok) return { ...chunk, type: 'failed', failure: unreadable(number, read.problems) };
    const place = places.placeOf(keyOf(read.value));
    const before = commands[place];
    commands[place] = before === undefined ? read.value : afterwards(before, read.value);
    numbers[place] = number;
    if (isDigested) digest.update(text).update('\n');
  }
  return {
    ...chunk,
    type: 'read',
    commands,
    lines: numbers,
    digest: digest.digest('base64url'),
  };
}

/** The later of two lines of one owner, so that it comes to the same in one chunk as in two. */
function afterwards(before: Command, later: Command): Command {
  if (before.type !== 'PutPool' || later.type !== 'PutPool') return later;
  // A line without backends leaves alone those that the pool has.
  if (before.backends === undefined || later.backends !== undefined) return later;
  return { ...later, backends: before.backends };
}

/**
 * Asks the system, which takes longer than reading a hundred lines: only if a line has addresses, and once per chunk.
 */
function askedOnce(ask: () => OwnAddresses): OwnAddresses {
  let own: OwnAddresses | undefined;
  const answer = () => (own ??= ask());
  return {
    get listeners() {
      return answer().listeners;
    },
    get local() {
      return answer().local;
    },
  };
}

function keyOf(command: Command): string {
  return 'host' in command ? `domain-${command.host}` : `pool-${command.pool}`;
}

function unreadable(line: number, problems: readonly Problem[]): Unreadable {
  const first = problems[0];
  const detail = first === undefined ? 'unfit' : renderProblem(withoutLine(first));
  const shown = problems.slice(0, MOST_SHOWN).map(withoutLine);
  return { type: 'unreadable', line, detail: `line ${line}: ${detail}`, problems: shown };
}

/** The line number is known from the file; the parser's own line 1 only adds a column. */
function withoutLine({ path, expected, found, nearest, column }: Problem): Problem {
  const at = column === undefined ? path : `column ${column}`;
  return { path: at, expected, found, ...(nearest === undefined ? {} : { nearest }) };
}

function failedAt(error: unknown): UnreadableChunk {
  if (!(error instanceof NoLine)) throw error;
  const { from, line, message } = error;
  return {
    from,
    to: line,
    type: 'failed',
    failure: { type: 'unreadable', line, detail: message, problems: [] },
  };
}
