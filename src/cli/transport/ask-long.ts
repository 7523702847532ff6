/** Requests long work: shows the progress lines that precede the answer, and returns the answer. */
import { z } from 'zod';
import { parsedJson } from '../../config/index.ts';
import { CommandFailed } from '../failure.ts';
import { Meter } from '../render/meter.ts';
import { clean } from '../render/table.ts';
import type { Context } from '../verb.ts';
import type { AdminClient } from './admin-client.ts';
import type { Ask } from './transport.ts';

export type LongAsk<Progress extends z.ZodType, Answer extends z.ZodType> = {
  readonly ask: Ask;
  readonly answer: Answer;
  readonly progress: Progress;
  /** The progress, in words. */
  readonly say: (progress: z.output<Progress>) => string;
  /** Receives the pieces that come with the progress lines, decoded from Base64, as they arrive. */
  readonly take?: (bytes: Uint8Array) => Promise<void>;
  /** Shown until there is progress to show. */
  readonly first: string;
};

const problem = z.object({ problem: z.looseObject({ type: z.string(), detail: z.string() }) });
const anyProgress = z.object({ progress: z.unknown(), piece: z.base64().optional() });

export async function askLong<Progress extends z.ZodType, Answer extends z.ZodType>(
  context: Context,
  wanted: LongAsk<Progress, Answer>,
): Promise<z.output<Answer>> {
  const meter = new Meter(context);
  meter.show(() => wanted.first);
  try {
    return await answered(context, wanted, meter);
  } finally {
    meter.clear();
  }
}

async function answered<Progress extends z.ZodType, Answer extends z.ZodType>(
  { admin, print }: Context,
  { ask, answer, progress, say, take }: LongAsk<Progress, Answer>,
  meter: Meter,
): Promise<z.output<Answer>> {
  const client = await admin();
  const { stop } = print;
  const lines = { ...ask, headers: { accept: 'application/x-ndjson' }, patient: true };
  for await (const text of client.lines(lines, stop)) {
    if (text === '') continue;
    const said = parsedJson(text);
    const step = anyProgress.safeParse(said);
    if (!step.success) return answerIn(said, client, answer);
    if (step.data.piece !== undefined) await take?.(Buffer.from(step.data.piece, 'base64'));
    const moved = progress.safeParse(step.data.progress);
    if (moved.success) meter.show(() => clean(say(moved.data)));
  }
  if (stop.aborted) throw new CommandFailed(['interrupted before an answer came']);
  throw new CommandFailed(['expected an answer, found none: the router ended, or was told to']);
}

function answerIn<Answer extends z.ZodType>(
  said: unknown,
  client: AdminClient,
  answer: Answer,
): z.output<Answer> {
  const failed = problem.safeParse(said);
  if (failed.success) throw new CommandFailed([clean(failed.data.problem.detail)], failed.data.problem);
  return client.parsed({ status: 200, etag: undefined, body: said }, answer);
}
