/** Bulk import: lines of NDJSON in, one result line per chunk out, in order; it stops at the first refused chunk. */
import {
  CHUNK,
  type ChunkFailure,
  type ChunkResult,
  importerOver,
  MAX_CHUNK_LINES,
} from '../../import/index.ts';
import type { Call } from '../http/call.ts';
import { byOf } from '../http/command-headers.ts';
import { type ProblemReply, problem, Refused, rejected } from '../http/problem.ts';
import { count } from '../http/query.ts';
import type { Reply } from '../http/reply.ts';
import type { AdminPorts } from '../ports.ts';

const MOST_LINES = 1_000_000_000;
// The key of a chunk also includes a line number.
const KEY_LENGTH = 180;

export async function postImport(call: Call, { desk, ownAddresses, importer }: AdminPorts): Promise<Reply> {
  const from = count(call, 'from', { min: 1, max: MOST_LINES }) ?? 1;
  const first = count(call, 'first', { min: 1, max: MOST_LINES }) ?? 1;
  const by = byOf(call);
  const keyLength = by.commandId?.length ?? 0;
  if (keyLength > KEY_LENGTH) {
    throw new Refused(
      'invalid_header',
      `Idempotency-Key: expected at most ${KEY_LENGTH} characters here, found ${keyLength}`,
    );
  }
  // With a key, the same lines must make the same chunks again.
  const size =
    count(call, 'chunk', { min: 1, max: MAX_CHUNK_LINES }) ??
    (by.commandId === undefined ? undefined : CHUNK);
  const carrier = importer ?? importerOver(desk, ownAddresses);
  const results = carrier.import(call.bytes(), { size, first, from, by });
  const opening = await results.next();
  // Nothing is in force yet, so the whole response is the refusal.
  if (opening.done !== true && opening.value.type === 'failed') {
    await results.return();
    return refused(opening.value);
  }
  return {
    type: 'stream',
    status: 200,
    headers: { 'content-type': 'application/x-ndjson' },
    isReading: true,
    async pour(outlet) {
      if (opening.done === true) return;
      // A client may start to read only when it has sent everything, so nothing waits for it to take these lines: they
      // are few.
      void outlet.write(lineOf(opening.value));
      for await (const result of results) {
        if (outlet.signal.aborted) return;
        void outlet.write(lineOf(result));
      }
    },
  };
}

function lineOf(result: ChunkResult): string {
  if (result.type === 'done') {
    const { from, to, changed, position } = result;
    return `${JSON.stringify({ from, to, changed, position })}\n`;
  }
  return `${JSON.stringify(refused(result).value)}\n`;
}

function refused({ from, to, failure }: Extract<ChunkResult, { type: 'failed' }>): ProblemReply {
  const reply = problemOf(failure);
  const { line, detail } = failure;
  return { ...reply, value: { from, to, ...(reply.value as object), line, detail } };
}

function problemOf(failure: ChunkFailure): ProblemReply {
  if (failure.type === 'rejected') return rejected(failure.rejection);
  return problem('invalid_settings', failure.detail, { members: { problems: failure.problems } });
}
