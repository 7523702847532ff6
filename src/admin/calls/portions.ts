/** Parts of the log as files: an export is sent to the client, an archive is written beside the router. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeTemporaryDirectory } from '../../../eventlog/index.ts';
import { type Historian, progressLines, type Repaired, type Repairing } from '../../history/index.ts';
import { bodyBy } from '../http/body-by.ts';
import type { Call } from '../http/call.ts';
import { momentFrom } from '../http/moments.ts';
import { answered, answeredBy, wantsLines } from '../http/poured.ts';
import { Refused } from '../http/problem.ts';
import type { Reply } from '../http/reply.ts';
import { fileSent } from '../http/set-aside.ts';
import type { AdminPorts } from '../ports.ts';

const moment = z.union([z.int().min(0), z.string()]).optional();
const exportBody = z.strictObject({ from: moment, to: moment });

/**
 * The file's bytes, or, as lines, the progress followed by the bytes. The file is made first, so that an export that
 * fails gets a status of its own.
 */
export async function postExport(call: Call, { history }: AdminPorts): Promise<Reply> {
  const body = await bodyBy(call, exportBody);
  const from = momentFrom(body.from ?? call.query.get('from'), 'from');
  const to = momentFrom(body.to ?? call.query.get('to'), 'to');
  const directory = makeTemporaryDirectory();
  const path = join(directory.path, 'export.db');
  if (wantsLines(call)) {
    const made = history.pour('export', { from, to, path }, call.signal);
    return answeredBy(call, withPieces(made, path, directory.remove));
  }
  try {
    const made = await history.ask('export', { from, to, path }, call.signal);
    return sent(path, made, directory.remove);
  } catch (error) {
    directory.remove();
    throw error;
  }
}

// 192 KiB: a multiple of three bytes, so that Base64 needs no padding between pieces; little to hold.
const PIECE = 196_608;

/** The summary comes after the last piece: a client that has it has everything. */
async function* withPieces<Made>(
  lines: AsyncGenerator<string, Made>,
  path: string,
  remove: () => void,
): AsyncGenerator<string, Made> {
  try {
    const made = yield* lines;
    const { size } = await stat(path);
    let done = 0;
    for await (const bytes of createReadStream(path, { highWaterMark: PIECE })) {
      done += (bytes as Buffer).length;
      const piece = (bytes as Buffer).toString('base64');
      yield `${JSON.stringify({ progress: { writing: 'file', done, of: size }, piece })}\n`;
    }
    return made;
  } finally {
    await lines.return(undefined as Made);
    remove();
  }
}

function sent(path: string, made: object, remove: () => void): Reply {
  const type = 'application/vnd.sqlite3';
  return fileSent(path, { 'content-type': type, 'switchyard-export': JSON.stringify(made) }, remove);
}

const archiveBody = z.strictObject({ before: z.int().min(1), file: z.string().min(1).max(4096) });

export async function postArchive(call: Call, { archive }: AdminPorts): Promise<Reply> {
  const wish = await bodyBy(call, archiveBody);
  if (archive === undefined)
    throw new Refused('invalid_query', 'expected a log in a data directory, found none');
  return answeredBy(call, archive(wish, call.signal));
}

const verifyBody = z.strictObject({ repair: z.boolean().optional() });

/**
 * A running router continues with what it knows; a repair may cut off events, which a person must decide with the
 * router stopped.
 */
export async function postVerify(call: Call, { history, repair }: AdminPorts): Promise<Reply> {
  const body = await bodyBy(call, verifyBody);
  if (body.repair !== true) return answered(call, history, 'verify', {});
  if (repair === undefined) {
    const detail =
      'expected a log at rest to repair, found a running router; stop it, then: verify --repair --data DIR';
    throw new Refused('log_in_use', detail);
  }
  return answeredBy(call, mended(repair(), history, call.signal));
}

/** After a repair, checks the result again. */
async function* mended(
  repair: AsyncGenerator<Repairing, Repaired>,
  history: Historian,
  signal: AbortSignal | undefined,
): AsyncGenerator<string, unknown> {
  const repaired = yield* progressLines(repair);
  return yield* history.pour('verify', { repaired }, signal);
}
