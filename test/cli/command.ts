/** Runs one command in this process, with streams that remember what was said to them. */
import { PassThrough, Readable } from 'node:stream';
import type { Io } from '../../src/cli/io.ts';
import { runCommand } from '../../src/cli/run.ts';

export type Ran = { readonly code: number; readonly out: string; readonly err: string };

export type Circumstances = {
  readonly stdin?: string | Uint8Array;
  readonly tty?: boolean;
  /** Only the output goes elsewhere, even on a terminal. */
  readonly toFile?: boolean;
  readonly mayColour?: boolean;
  readonly user?: string;
  readonly stop?: AbortSignal;
  /** Instead of the one that remembers. */
  readonly stdout?: PassThrough;
};

export async function command(argv: readonly string[], circumstances: Circumstances = {}): Promise<Ran> {
  const { stdin = '', tty = false, toFile = false, mayColour = true, user = 'alice' } = circumstances;
  const stdout = circumstances.stdout ?? sink();
  const stderr = sink();
  const io: Io = {
    stdin: Readable.from(stdin === '' ? [] : [typeof stdin === 'string' ? Buffer.from(stdin) : stdin]),
    stdout: Object.assign(stdout, { isTTY: tty && !toFile }),
    stderr: Object.assign(stderr, { isTTY: tty }),
    user,
    mayColour,
    stop: circumstances.stop ?? new AbortController().signal,
    endOnInterrupt: () => {},
  };
  const code = await runCommand(argv, io);
  return { code, out: circumstances.stdout === undefined ? heard(stdout) : '', err: heard(stderr) };
}

/** Large enough that nothing here waits for a reader. */
function sink(): PassThrough {
  return new PassThrough({ highWaterMark: 16 * 1024 * 1024 });
}

function heard(stream: PassThrough): string {
  let text = '';
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) text += chunk.toString();
  return text;
}
