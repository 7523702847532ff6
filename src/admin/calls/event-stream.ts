/**
 * Streams the log to one reader, at the reader's pace. New events only ring a bell; what is sent is always read from
 * the log at this reader's position, so there are no gaps and no repetitions, and nothing is buffered for a slow
 * client.
 */
import { EventUnreadable, type Recorded, type StreamName } from '../../../eventlog/index.ts';
import type { Outlet } from '../http/reply.ts';
import type { History } from '../ports.ts';
import { ownTurn } from './pace.ts';
import { versionFrom } from './version-from.ts';

export type Follow = {
  /** Positions, inclusive. */
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  readonly stream: StreamName | undefined;
  readonly follow: boolean;
  readonly sse: boolean;
  /** Positions up to this one are archived; the response head says so. */
  readonly archived?: number;
};

/** Replaces a damaged event, so that it does not hide the others. */
type Unreadable = {
  readonly type: 'EventUnreadable';
  readonly position: number;
  readonly stream: string;
  readonly problem: string;
};
/** Replaces events that an archive removed before they were read. */
type Archived = {
  readonly type: 'EventsArchived';
  readonly from: number;
  /** The last of them; the next line comes after it. */
  readonly position: number;
};
type Line = Recorded | Unreadable | Archived;

// 256, or 256 KiB of text: an event may be a megabyte, and each slow reader holds a page.
const PAGE = 256;
const PAGE_CHARACTERS = 262_144;
// 15 s: below the idle timeouts of intermediate proxies (30 to 60 s).
const HEARTBEAT_MS = 15_000;

export async function streamEvents(
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
      const read = await cursor.next(Math.min(PAGE, wish.limit - sent));
      const last = read.at(-1);
      // If the stream ends before `from`, the next event may also lie before it.
      const lines = read.filter(({ position }) => position >= wish.from);
      if (last !== undefined) {
        const text = lines.map((line) => written(line, wish.sse)).join('');
        if (text !== '' && !(await outlet.write(text))) return;
        await ownTurn();
        // Archived events are reported but do not count towards the limit.
        if (last.type !== 'EventsArchived') sent += lines.length;
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

/** By position, or by version when one stream is read: both are dense. */
type Way = {
  readonly read: (from: number, limit: number) => Promise<readonly Recorded[]>;
  readonly placeOf: (event: Recorded) => number;
  /** The place of a damaged event that was expected `here`. */
  readonly placeOfDamaged: (line: Unreadable, here: number) => number;
  readonly last: () => Promise<number>;
};

async function cursorFor(log: History, { stream, from, to, archived = 0 }: Follow): Promise<Cursor> {
  const first = Math.max(1, from);
  const known = Math.max(first - 1, archived);
  if (stream === undefined) {
    const read: Way['read'] = (start, limit) =>
      log.read({ from: start, to, limit, characters: PAGE_CHARACTERS });
    const placeOf = ({ position }: { readonly position: number }) => position;
    const way: Way = { read, placeOf, placeOfDamaged: placeOf, last: () => log.position() };
    return new Cursor(log, way, known + 1, known);
  }
  const read: Way['read'] = async (start, limit) => {
    const events = await log.readStream(stream, { from: start, limit, characters: PAGE_CHARACTERS });
    return events.filter((event) => event.position <= to);
  };
  // A damaged event does not tell its version, but versions are dense.
  const placeOfDamaged: Way['placeOfDamaged'] = (_, here) => here;
  const way: Way = {
    read,
    placeOf: ({ version }) => version,
    placeOfDamaged,
    last: () => log.version(stream),
  };
  return new Cursor(log, way, await versionFrom(log, stream, first), known);
}

/** Reads on by position or by version; if a page cannot be read, event by event past the damaged one. */
class Cursor {
  readonly #log: History;
  readonly #way: Way;
  #at: number;
  /** Everything up to this position was sent or is known to be archived. */
  #known: number;

  constructor(log: History, way: Way, at: number, known: number) {
    this.#log = log;
    this.#way = way;
    this.#at = at;
    this.#known = known;
  }

  async next(limit: number): Promise<readonly Line[]> {
    const lines = await this.#page(limit);
    const gap = await this.#gapBefore(lines[0]);
    this.#known = (gap ?? lines.at(-1))?.position ?? this.#known;
    if (gap !== undefined) return [gap];
    const last = lines.at(-1);
    if (last !== undefined) this.#at = this.#placeOf(last) + 1;
    return lines;
  }

  #placeOf(line: Recorded | Unreadable): number {
    return 'version' in line ? this.#way.placeOf(line) : this.#way.placeOfDamaged(line, this.#at);
  }

  /** An archive may remove what this reader has not read yet; then the next event does not follow the last one sent. */
  async #gapBefore(first: Recorded | Unreadable | undefined): Promise<Archived | undefined> {
    if (first !== undefined && 'version' in first && this.#way.placeOf(first) === this.#at) return undefined;
    const position = await this.#log.archived();
    if (position <= this.#known) return undefined;
    // Either nothing new has happened, or this page was read just before the archive.
    const isWhole = first === undefined ? (await this.#way.last()) < this.#at : first.position <= position;
    return isWhole ? undefined : { type: 'EventsArchived', from: this.#known + 1, position };
  }

  async #page(limit: number): Promise<readonly (Recorded | Unreadable)[]> {
    try {
      return await this.#way.read(this.#at, limit);
    } catch (error) {
      if (!(error instanceof EventUnreadable)) throw error;
      if (limit > 1) return this.#page(1);
      const { position, stream, message } = error;
      return [{ type: 'EventUnreadable', position, stream, problem: message }];
    }
  }
}

type Ring = 'appended' | 'heartbeat' | 'closed';

/** Remembers a ring while nobody waits, so that no event is lost between reading and waiting. */
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

  /** Called before a read, which will include everything that rang until now. */
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
