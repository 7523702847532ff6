/** An answer as lines of JSON, one entry each, so that it never has to be in memory as a whole. */
import type { z } from 'zod';
import { parsedJson } from '../../config/index.ts';
import { CommandFailed } from '../failure.ts';
import type { Io } from '../io.ts';
import type { Context } from '../verb.ts';
import type { Ask } from './transport.ts';

export async function* entriesOf<Schema extends z.ZodType>(
  { admin, print, io }: Context,
  ask: Ask,
  schema: Schema,
): AsyncGenerator<z.output<Schema>> {
  const client = await admin();
  const headers = { accept: 'application/x-ndjson' };
  for await (const line of client.lines({ ...ask, headers, patient: true }, print.stop))
    if (line !== '') yield client.parsed({ status: 200, etag: undefined, body: parsedJson(line) }, schema);
  checkWhole(io);
}

/** After Ctrl-C, part of an answer must not pass for all of it. */
export function checkWhole({ stop }: Io): void {
  if (stop.aborted) throw new CommandFailed(['interrupted before all of the answer came']);
}
