/** A command's streams and user: everything it touches besides the network and files. */
import { createWriteStream, fstatSync } from 'node:fs';
import { userInfo } from 'node:os';

export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

export type Io = {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  /** The author of changes unless `--as` says otherwise. */
  readonly user: string;
  /** False: no colour, even if the terminal supports it (`NO_COLOR`). */
  readonly mayColour: boolean;
  /** Ends commands that would run forever, such as `events --follow`. */
  readonly stop: AbortSignal;
  /** From now on Ctrl-C ends the process at once: for work during which no signal would be heard. */
  readonly endOnInterrupt: () => void;
};

export function processIo(process: NodeJS.Process, stop: AbortSignal, endOnInterrupt = () => {}): Io {
  const { stdin, stderr, env } = process;
  const stdout = isFile(process.stdout.fd) ? wholly(process.stdout.fd) : process.stdout;
  return { stdin, stdout, stderr, user: systemUser(), mayColour: !env['NO_COLOR'], stop, endOnInterrupt };
}

/** If a full disk has room for part of a text, Node's own stream for a file takes the text as written. */
function wholly(fd: number): Output {
  return createWriteStream('', { fd, autoClose: false });
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** A container may run under a user id without a name. */
function systemUser(): string {
  try {
    return printable(userInfo().username);
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Only characters that a header field may contain, because the author is sent in one. */
function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?').slice(0, 100) || 'unknown';
}
