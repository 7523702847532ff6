/** The ways in which the world fails the log. Each has a stable code; the message says expected, found, where. */

export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
  readonly code: 'log_full' | 'log_locked' | 'log_closed' | 'log_failed';
  constructor(code: LogUnavailable['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** A stored event is damaged or of a type or version this program does not know. Only its stream is affected. */
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

/** The data directory cannot be used as it is: unreadable, foreign, of a newer version, or held by another. */
export class DataUnusable extends Error {
  override readonly name = 'DataUnusable';
  readonly code: 'data_unreadable' | 'data_foreign' | 'data_newer' | 'data_held';
  constructor(code: DataUnusable['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
