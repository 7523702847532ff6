/**
 * One line per request: logfmt in the field order of Heroku's routers, or JSON; batched, so that a busy worker
 * writes seldom. Nothing a client sends can forge a field or a line: what is not plain is quoted and escaped.
 */

export type AccessLogEntry = {
  /** Epoch milliseconds. */
  readonly endedAtMs: number;
  readonly sock: string;
  readonly at: 'info' | 'warning' | 'error';
  /** H-code; empty: none. */
  readonly code: string;
  readonly desc: string;
  readonly cause: string;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly requestId: string;
  readonly fwd: string;
  /** The backend's id; empty: none was reached. */
  readonly dyno: string;
  /** Milliseconds; -1: connecting did not begin. */
  readonly connectMs: number;
  /** From connected to done, in milliseconds; -1: never connected. */
  readonly serviceMs: number;
  /** 0: none was sent. */
  readonly status: number;
  /** Bytes to the client, including heads; -1: no backend was reached. */
  readonly bytes: number;
  readonly protocol: string;
  readonly outcome: string;
  /** Empty: it came to none. */
  readonly pool: string;
  /** In the pool's queue, in milliseconds; -1: it did not have to wait. */
  readonly waitMs: number;
  /** Index among the domain's routes; -1: none. */
  readonly route: number;
  /** What became of its affinity cookie; empty: the pool has no affinity. */
  readonly affinity: string;
};

export type LineFormat = 'logfmt' | 'json';

// 64 KiB: the capacity of a pipe. 25 ms: too short for a person to notice.
const BATCH_CHARACTERS = 65_536;
const BATCH_MS = 25;

export class AccessLog {
  readonly #line: (entry: AccessLogEntry) => string;
  readonly #write: (text: string) => void;
  #batch = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(format: LineFormat, write: (text: string) => void) {
    this.#line = format === 'json' ? jsonLine : logfmtLine;
    this.#write = write;
  }

  record(entry: AccessLogEntry): void {
    this.#batch += this.#line(entry);
    if (this.#batch.length >= BATCH_CHARACTERS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#batch;
    this.#batch = '';
    if (batch !== '') this.#write(batch);
  }
}

/** As of Heroku's routers, without a time: whoever collects such lines adds it. */
export function logfmtLine(entry: AccessLogEntry): string {
  const sock = entry.sock === '' ? '' : `sock=${entry.sock} `;
  const code = entry.code === '' ? '' : ` code=${entry.code} desc=${quote(entry.desc)}`;
  const pool = entry.pool === '' ? '' : ` pool=${entry.pool}`;
  const wait = entry.waitMs < 0 ? '' : ` wait=${millis(entry.waitMs)}`;
  const route = entry.route < 0 ? '' : ` route=${entry.route}`;
  const affinity = entry.affinity === '' ? '' : ` affinity=${entry.affinity}`;
  const cause = entry.cause === '' ? '' : ` cause=${quote(entry.cause)}`;
  return (
    `${sock}at=${entry.at}${code}${cause} method=${bare(entry.method)} path=${quote(entry.path)}` +
    ` host=${bare(entry.host)} request_id=${bare(entry.requestId)} fwd=${quote(entry.fwd)} dyno=${bare(entry.dyno)}` +
    ` connect=${millis(entry.connectMs)} service=${millis(entry.serviceMs)} status=${entry.status || ''}` +
    ` bytes=${entry.bytes < 0 ? '' : entry.bytes} protocol=${entry.protocol} outcome=${entry.outcome}` +
    `${pool}${wait}${route}${affinity}\n`
  );
}

export function jsonLine(entry: AccessLogEntry): string {
  const line = JSON.stringify({
    time: new Date(entry.endedAtMs).toISOString(),
    sock: entry.sock || undefined,
    at: entry.at,
    code: entry.code || undefined,
    desc: entry.desc || undefined,
    cause: entry.cause || undefined,
    method: entry.method,
    path: entry.path,
    host: entry.host,
    request_id: entry.requestId,
    fwd: entry.fwd,
    dyno: entry.dyno,
    connect: entry.connectMs < 0 ? null : Math.round(entry.connectMs),
    service: entry.serviceMs < 0 ? null : Math.round(entry.serviceMs),
    status: entry.status === 0 ? null : entry.status,
    bytes: entry.bytes < 0 ? null : entry.bytes,
    protocol: entry.protocol,
    outcome: entry.outcome,
    pool: entry.pool || undefined,
    wait: entry.waitMs < 0 ? undefined : Math.round(entry.waitMs),
    route: entry.route < 0 ? undefined : entry.route,
    affinity: entry.affinity || undefined,
  });
  // The only field that may contain other than ASCII from a client, by way of a trusted proxy.
  return `${OBEYED.test(entry.fwd) ? line.replace(EACH_OBEYED, escaped) : line}\n`;
}

// Control characters that JSON leaves unescaped, and terminals obey.
const OBEYED = /[\x7f-\x9f]/;
const EACH_OBEYED = /[\x7f-\x9f]/g;

function millis(duration: number): string {
  return duration < 0 ? '' : `${Math.round(duration)}ms`;
}

const PLAIN = /^[A-Za-z0-9._:@/*+[\]~-]*$/;

function bare(value: string): string {
  return PLAIN.test(value) ? value : quote(value);
}

// Everything but printable ASCII, and the quote and the backslash.
const ODD = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;
const EACH_ODD = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g;

function quote(value: string): string {
  return ODD.test(value) ? `"${value.replace(EACH_ODD, escaped)}"` : `"${value}"`;
}

function escaped(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
