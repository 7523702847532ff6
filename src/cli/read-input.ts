/** Files named on the command line, `-` being standard input; errors in them name their place. */
import { addAbortSignal, type Readable } from 'node:stream';
import {
  type Checked,
  MAX_FILE_BYTES,
  type Problem,
  readConfigFile,
  readContent,
  renderProblems,
} from '../config/index.ts';
import { CommandFailed } from './failure.ts';
import type { Io } from './io.ts';
import { clean } from './render/table.ts';

export async function readInput(file: string, io: Io): Promise<unknown> {
  const read =
    file === '-' ? await readStream(io).catch((error) => interrupted(error, io)) : await readConfigFile(file);
  return accepted(read, nameOf(file));
}

export function accepted<T>(checked: Checked<T>, where: string): T {
  if (checked.ok) return checked.value;
  throw unfit(checked.problems, where);
}

function unfit(problems: readonly Problem[], where: string): CommandFailed {
  const lines = renderProblems(problems, where).map(clean);
  return new CommandFailed(lines, { error: lines.join('\n'), problems });
}

export function nameOf(file: string): string {
  return file === '-' ? 'standard input' : file;
}

function interrupted(error: unknown, { stop }: Io): never {
  throw stop.aborted ? new CommandFailed(['interrupted']) : error;
}

async function readStream({ stdin: stream, stop }: Io): Promise<Checked<unknown>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of addAbortSignal(stop, stream as Readable)) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > MAX_FILE_BYTES) {
      const problem = { path: '', expected: `at most ${MAX_FILE_BYTES} bytes`, found: 'more' };
      return { ok: false, problems: [problem] };
    }
    chunks.push(buffer);
  }
  return readContent(Buffer.concat(chunks));
}
