/** What a command touches of the world besides the network and files: its streams, and who runs it. */
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
  const { stdin, stdout, stderr, env } = process;
  return { stdin, stdout, stderr, user: systemUser(), mayColour: !env['NO_COLOR'], stop };
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
