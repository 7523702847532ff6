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
  /** False: no colour, whatever the terminal could show (`NO_COLOR`). */
  readonly mayColour: boolean;
  /** Ends what would go on for ever, such as `events --follow`. */
  readonly stop: AbortSignal;
};

export function processIo(process: NodeJS.Process, stop: AbortSignal): Io {
  const { stdin, stderr, env } = process;
  const stdout = isFile(process.stdout.fd) ? wholly(process.stdout.fd) : process.stdout;
  return { stdin, stdout, stderr, user: systemUser(), mayColour: !env['NO_COLOR'], stop };
}

/** Node's own stream for a file takes the part of a text that a full disk had room for as the whole. */
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

/** A container may run under a number that has no name. */
function systemUser(): string {
  try {
    return printable(userInfo().username);
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

/** What a header field may carry: the author travels in one. */
function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?').slice(0, 100) || 'unknown';
}
