/** A way to the admin API's answers: over the network, or from a data directory at rest. */
import type { Readable } from 'node:stream';
import type { CommandFailed } from '../failure.ts';

export type Ask = {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Segments, not encoded yet. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  /** A body of JSON lines, instead of `body`. */
  readonly bytes?: Uint8Array | Readable;
  readonly headers?: Readonly<Record<string, string>>;
  /** The response may take any length of time. */
  readonly patient?: boolean;
  /**
   * Called before the first line with the last archived position, if earlier lines are missing because of an archive.
   */
  readonly onArchived?: (upTo: number) => void;
};

/** For requests whose response waits for the effect of the command. */
export const PATIENT = { headers: { prefer: 'wait' }, patient: true } as const;

export type Answered = {
  readonly status: number;
  readonly etag: string | undefined;
  readonly retryAfterMs?: number | undefined;
  /** The log's position at which a command is in force. */
  readonly position?: number | undefined;
  /** Undefined if there is none, or it is not JSON. */
  readonly body: unknown;
};

export interface Transport {
  /** As shown to people: an address or a directory. */
  readonly where: string;
  /** Any response, whatever its status; rejects with `CommandFailed` if there is none. */
  answer(ask: Ask): Promise<Answered>;
  /** The lines of a response that may be endless; ends quietly when told to stop. */
  lines(ask: Ask, stop: AbortSignal, failure: (answered: Answered) => CommandFailed): AsyncGenerator<string>;
  close(): Promise<void>;
}

export function targetOf({ path, query = {} }: Ask): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) search.set(key, String(value));
  return `/${path.map(encodeURIComponent).join('/')}${search.size > 0 ? `?${search}` : ''}`;
}

export function tellArchived({ onArchived }: Ask, headers: Readonly<Record<string, unknown>>): void {
  const upTo = headers['switchyard-archived'];
  if (upTo !== undefined) onArchived?.(Number(upTo));
}

/** What follows the last line feed is no line: the answer was cut off. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
