/**
 * How the environment can fail the log. Each error has a stable code; its message says what was expected, what was
 * found, and where.
 */

export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
  readonly code: 'log_full' | 'log_locked' | 'log_closed' | 'log_failed';
  constructor(code: LogUnavailable['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

// The last three come from a thread that finds no file descriptor left: the first two from the system, the third from Node.
const PASSING: ReadonlySet<unknown> = new Set([
  'log_full',
  'log_locked',
  'log_closed',
  'log_failed',
  'data_unreadable',
  'data_held',
  'data_behind',
  'EMFILE',
  'ENFILE',
  'ERR_WORKER_INIT_FAILED',
]);
const DAMAGED = /^SQLITE_(?:CORRUPT|NOTADB)/;

/**
 * Whether time may repair it: a disk that is full, busy or away, or no file descriptor left. Damage does not pass. Decided
 * by the codes of an error and its causes, since an error from another thread has lost its class.
 */
export function mayPass(error: unknown): boolean {
  let isPassing = false;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (DAMAGED.test(code ?? '')) return false;
    isPassing ||= PASSING.has(code);
  }
  return isPassing;
}

/** A stored event is damaged, or of a type or version that this program does not know. Only its stream is affected. */
export class EventUnreadable extends Error {
  override readonly name = 'EventUnreadable';
  readonly code = 'event_unreadable';
  readonly position: number;
  readonly stream: string;
  constructor(position: number, stream: string, message: string, cause?: unknown) {
    super(`event ${position} of ${stream}: ${message}`, { cause });
    this.position = position;
    this.stream = stream;
  }
}

/**
 * The data directory cannot be used as it is: unreadable, foreign, of a newer or a forgotten version, held by another
 * process, or older than it was.
 */
export class DataUnusable extends Error {
  override readonly name = 'DataUnusable';
  readonly code:
    | 'data_unreadable'
    | 'data_foreign'
    | 'data_newer'
    | 'data_older'
    | 'data_held'
    | 'data_behind';
  constructor(code: DataUnusable['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
