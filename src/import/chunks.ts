/**
 * Chunks of lines carried out one after the other, each wholly or not at all: the first that is refused ends the import, and
 * what came before it stays in force.
 */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { By, Command, Desk, Rejection } from '../../actors/index.ts';
import { type OwnAddresses, type Problem, renderProblem } from '../config/index.ts';
import { type Line, LineTooLong } from './cut-lines.ts';
import { parseLine } from './parse-line.ts';

/** Numbers of its first and last line. */
export type Chunk = { readonly from: number; readonly to: number };

export type ChunkResult =
  | (Chunk & { readonly type: 'done'; readonly changed: number; readonly position: number })
  | (Chunk & { readonly type: 'failed'; readonly failure: ChunkFailure });

export type ChunkFailure = { readonly line: number; readonly detail: string } & (
  | { readonly type: 'unreadable'; readonly problems: readonly Problem[] }
  | { readonly type: 'rejected'; readonly rejection: Rejection }
);

export type Into = {
  readonly desk: Pick<Desk, 'askTogether'>;
  readonly ownAddresses: () => OwnAddresses;
  /** Its command id, if any, is that of the whole import: each chunk's is made of it and its first line. */
  readonly by: By;
};

// So many lines are read between two looks at what else there is to do: half a millisecond.
const LINES_A_TURN = 100;

export async function* importChunks(
  chunks: AsyncIterable<readonly Line[]>,
  into: Into,
): AsyncGenerator<ChunkResult> {
  const numbered = chunks[Symbol.asyncIterator]();
  for (;;) {
    const next = await numbered.next().catch((error: unknown) => failedAt(error));
    if ('failure' in next) return yield next;
    if (next.done === true) return;
    const result = await carriedOut(next.value, into);
    yield result;
    if (result.type === 'failed') return;
  }
}

async function carriedOut(lines: readonly Line[], into: Into): Promise<ChunkResult> {
  const chunk = { from: lines[0]?.number ?? 1, to: lines.at(-1)?.number ?? 1 };
  // A later line of the same owner wins; its place in the chunk says which line it was.
  const commands = new Map<string, { readonly command: Command; readonly line: number }>();
  const digest = createHash('sha256');
  const own = askedOnce(into.ownAddresses);
  for (let index = 0; index < lines.length; index++) {
    const { number, text } = lines[index]!;
    if (index % LINES_A_TURN === LINES_A_TURN - 1) await nextTurn();
    const read = parseLine(text, own);
    if (!read.ok) return { ...chunk, type: 'failed', failure: unreadable(number, read.problems) };
    commands.set(keyOf(read.value), { command: read.value, line: number });
    if (into.by.commandId !== undefined) digest.update(text).update('\n');
  }
  const wished = [...commands.values()];
  const { author, commandId } = into.by;
  const by = commandId === undefined ? { author } : { author, commandId: `${commandId}:${chunk.from}` };
  const answer = await into.desk.askTogether(
    wished.map(({ command }) => command),
    by,
    digest.digest('base64url'),
  );
  if (answer.type === 'done') {
    return { ...chunk, type: 'done', changed: answer.changed, position: answer.position };
  }
  const { rejection, command } = answer;
  const line = command === undefined ? chunk.from : (wished[command]?.line ?? chunk.from);
  const detail = command === undefined ? rejection.detail : `line ${line}: ${rejection.detail}`;
  return { ...chunk, type: 'failed', failure: { type: 'rejected', line, detail, rejection } };
}

/** The system is asked, which takes longer than reading a hundred lines: only if a line has addresses, and once a chunk. */
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

function unreadable(line: number, problems: readonly Problem[]): ChunkFailure {
  const first = problems[0];
  const detail = first === undefined ? 'unfit' : renderProblem(withoutLine(first));
  return { type: 'unreadable', line, detail: `line ${line}: ${detail}`, problems: problems.map(withoutLine) };
}

/** A line has its number from us: what its own text calls line 1 says only a column. */
function withoutLine({ path, expected, found, nearest, column }: Problem): Problem {
  const at = column === undefined ? path : `column ${column}`;
  return { path: at, expected, found, ...(nearest === undefined ? {} : { nearest }) };
}

function failedAt(error: unknown): ChunkResult & { readonly failure: ChunkFailure } {
  if (!(error instanceof LineTooLong)) throw error;
  const { line, message } = error;
  return {
    from: line,
    to: line,
    type: 'failed',
    failure: { type: 'unreadable', line, detail: message, problems: [] },
  };
}
