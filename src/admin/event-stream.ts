/**
 * One reader of the log, as slow as its client. New events only ring a bell; what is sent is always read from the
 * log, from where this reader stands: so there is no gap, nothing twice, and nothing is held for a slow client.
 */
import { EventUnreadable, type Recorded, type StreamName } from '../../eventlog/index.ts';
import type { History } from './ports.ts';
import type { Outlet } from './reply.ts';
import { versionFrom } from './version-from.ts';

export type Follow = {
  /** Positions, inclusive. */
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  readonly stream: StreamName | undefined;
  readonly follow: boolean;
  readonly sse: boolean;
};

/** Stands in an event's place, so that one damaged event hides no other. */
type Unreadable = {
  readonly type: 'EventUnreadable';
  readonly position: number;
  readonly stream: string;
  readonly problem: string;
};
type Line = Recorded | Unreadable;

// 256: a few tens of KB at a time.
const PAGE = 256;
// 15 s: below the idle time-outs of the proxies between (30 to 60 s).
const HEARTBEAT_MS = 15_000;

export async function pourEvents(
  log: History,
  wish: Follow,
  outlet: Outlet,
  heartbeatMs = HEARTBEAT_MS,
): Promise<void> {
  const bell = new Bell(log, outlet.signal, heartbeatMs);
  try {
    if (wish.sse && !(await outlet.write('retry: 1000\n\n'))) return;
    let sent = 0;
    for (const cursor = await cursorFor(log, wish); sent < wish.limit && !outlet.signal.aborted; ) {
      bell.hush();
      const end = await log.position();
      const lines = await cursor.next(Math.min(PAGE, wish.limit - sent));
      const last = lines.at(-1);
      if (last !== undefined) {
        if (!(await outlet.write(lines.map((line) => written(line, wish.sse)).join('')))) return;
        sent += lines.length;
        if (last.position >= wish.to) return;
      } else if (!wish.follow || end >= wish.to) return;
      else if ((await bell.rung()) === 'heartbeat' && wish.sse && !(await outlet.write(':\n\n'))) return;
    }
  } finally {
    bell.close();
  }
}

function written(line: Line, sse: boolean): string {
  const text = JSON.stringify(line);
  return sse ? `id: ${line.position}\nevent: ${line.type}\ndata: ${text}\n\n` : `${text}\n`;
}

type Read = (from: number, limit: number) => Promise<readonly Recorded[]>;

async function cursorFor(log: History, { stream, from, to }: Follow): Promise<Cursor> {
  if (stream === undefined) {
    const read: Read = (start, limit) => log.read({ from: start, to, limit });
    return new Cursor(Math.max(1, from), read, (line) => line.position + 1);
  }
  const read: Read = async (start, limit) => {
    const events = await log.readStream(stream, { from: start, limit });
    return events.filter((event) => event.position <= to);
  };
  // A damaged event does not say its version, but versions are dense.
  const after = (line: Line, at: number) => ('version' in line ? line.version : at) + 1;
  return new Cursor(await versionFrom(log, stream, from), read, after);
}

/** Reads on by position or by version; where a page cannot be read, event by event past the damaged one. */
class Cursor {
  #at: number;
  readonly #read: Read;
  readonly #after: (line: Line, at: number) => number;

  constructor(at: number, read: Read, after: (line: Line, at: number) => number) {
    this.#at = at;
    this.#read = read;
    this.#after = after;
  }

  async next(limit: number): Promise<readonly Line[]> {
    const lines = await this.#page(limit);
    const last = lines.at(-1);
    if (last !== undefined) this.#at = this.#after(last, this.#at);
    return lines;
  }

  async #page(limit: number): Promise<readonly Line[]> {
    try {
      return await this.#read(this.#at, limit);
    } catch (error) {
      if (!(error instanceof EventUnreadable)) throw error;
      if (limit > 1) return this.#page(1);
      const { position, stream, message } = error;
      return [{ type: 'EventUnreadable', position, stream, problem: message }];
    }
  }
}

type Ring = 'appended' | 'heartbeat' | 'closed';

/** Remembers that it was rung while nobody listened, so that no event falls between reading and waiting. */
class Bell {
  #rang = false;
  #wake: ((ring: Ring) => void) | undefined;
  readonly #heartbeatMs: number;
  readonly #signal: AbortSignal;
  readonly #unsubscribe: () => void;
  readonly #onAbort = () => this.#ring('closed');

  constructor(log: History, signal: AbortSignal, heartbeatMs: number) {
    this.#heartbeatMs = heartbeatMs;
    this.#signal = signal;
    this.#unsubscribe = log.onAppended(() => this.#ring('appended'));
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Before a read: what rang until now will be in it. */
  hush(): void {
    this.#rang = false;
  }

  async rung(): Promise<Ring> {
    if (this.#signal.aborted) return 'closed';
    if (this.#rang) return 'appended';
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Ring>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, this.#heartbeatMs, 'heartbeat');
      });
    } finally {
      clearTimeout(timer);
      this.#wake = undefined;
    }
  }

  close(): void {
    this.#unsubscribe();
    this.#signal.removeEventListener('abort', this.#onAbort);
  }

  #ring(ring: Ring): void {
    this.#rang = true;
    this.#wake?.(ring);
  }
}
