/** A request's body: bounded, as UTF-8, as JSON with each key once. */
import type { IncomingMessage } from 'node:http';
import { readJson } from '../../config/read-json.ts';
import { GrowingBytes } from '../../wire/index.ts';
import { header } from './call.ts';
import { Refused } from './problem.ts';
import { unfit } from './wish.ts';

/** Undefined if there is no body. Throws `Refused`. */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  const bytes = await readWhole(request, limitBytes);
  if (bytes === undefined) return undefined;
  const read = readJson(decoded(bytes));
  if (read.ok) return read.value;
  throw unfit('malformed_json', read.problems);
}

/** RFC 9110 §10.1.1: the only expectation supported is 100-continue, which Node answers itself. */
export function checkExpectation(request: IncomingMessage): void {
  const found = header(request, 'expect');
  if (found === undefined || found.toLowerCase() === '100-continue') return;
  throw new Refused('invalid_header', `Expect: expected 100-continue, found ${JSON.stringify(found)}`);
}

/**
 * A browser can send any type but JSON to another site without asking first. Without a body any type is accepted; then
 * the check of `Origin` keeps other sites out.
 */
export function checkMediaType(request: IncomingMessage): void {
  const encoding = header(request, 'content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new Refused(
      'media_type_unsupported',
      `Content-Encoding: expected none, found ${JSON.stringify(encoding)}`,
    );
  }
  const type = header(request, 'content-type');
  if (type === undefined && !announcesBody(request)) return;
  if (type !== undefined && JSON_TYPE.test(type)) return;
  const found = type === undefined ? 'none' : JSON.stringify(type);
  throw new Refused(
    'media_type_unsupported',
    `Content-Type: expected application/json in UTF-8, found ${found}`,
  );
}

// NDJSON with a single line is JSON; `import`, which takes many lines, reads them one by one.
const JSON_TYPE = /^application\/(?:json|x-ndjson)\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?$/i;

function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** As the head says, or the limit if it does not; 0 without a body. Throws `Refused` above the limit. */
export function announcedBytes(request: IncomingMessage, limitBytes: number): number {
  if (!announcesBody(request)) return 0;
  const bytes = Number(request.headers['content-length'] ?? limitBytes);
  if (bytes > limitBytes) throw tooLarge(limitBytes);
  return bytes;
}

/**
 * With listeners: a command's body is usually one piece, and an iterator would cost more than processing it. Throws
 * `Refused`.
 */
export async function readWhole(request: IncomingMessage, limitBytes: number): Promise<Buffer | undefined> {
  if (announcedBytes(request, limitBytes) === 0) return undefined;
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    // Collected in one buffer: with many small pieces, each would take some hundreds of bytes.
    let more: GrowingBytes | undefined;
    let bytes = 0;
    const refuse = (error: Error) => {
      leave();
      // `discardRest` reads the rest.
      request.pause();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > limitBytes) refuse(tooLarge(limitBytes));
      else if (first === undefined) first = chunk;
      else {
        more ??= begunWith(first);
        more.append(chunk, 0, chunk.length);
      }
    };
    const onEnd = () => {
      leave();
      resolve(more === undefined ? first : more.bytes.subarray(0, bytes));
    };
    const onClose = () => refuse(new Error('expected a whole body, found the end of its connection'));
    const leave = () => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', refuse);
    };
    const timer = setTimeout(() => refuse(tooSlow()), BODY_MS);
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', refuse);
  });
}

function begunWith(first: Buffer): GrowingBytes {
  const bytes = new GrowingBytes();
  bytes.append(first, 0, first.length);
  return bytes;
}

// 60 s: for a body of at most 64 MiB, or for the next piece of an unlimited one.
const BODY_MS = 60_000;

/** Of any length, as long as each piece arrives within this many milliseconds. */
export function readBytes(request: IncomingMessage, withinMs = BODY_MS): AsyncIterable<Uint8Array> {
  return inTime(request, withinMs);
}

/** If it is refused half-way, the connection is still needed for the response. */
async function* inTime(request: IncomingMessage, withinMs: number): AsyncGenerator<Buffer> {
  const pieces = (request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)[
    Symbol.asyncIterator
  ]();
  try {
    for (;;) {
      const next = await withTimeout(withinMs, pieces.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    void pieces.return?.();
  }
}

async function withTimeout<T>(ms: number, piece: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // A response may end before its body does; then this timer must not keep the process alive.
    timer = setTimeout(() => reject(tooSlow(ms)), ms).unref();
  });
  try {
    return await Promise.race([piece, late]);
  } finally {
    clearTimeout(timer);
  }
}

// RFC 9110 §15.5.9.
function tooSlow(ms = BODY_MS): Refused {
  const detail = `expected a body, or the next piece of one, within ${ms / 1000} s`;
  return new Refused('body_too_slow', detail, { headers: { connection: 'close' } });
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Refused('malformed_json', 'expected UTF-8, found bytes that are not');
  }
}

// The rest of the body is not worth reading, so the connection cannot be used again.
function tooLarge(limitBytes: number): Refused {
  const detail = `expected a body of at most ${limitBytes} bytes, found more`;
  return new Refused('body_too_large', detail, { headers: { connection: 'close' } });
}

// 2 s: what a client on this machine needs to send 64 MiB.
const DISCARD_MS = 2000;

/**
 * Reads and discards the rest for a while: a client that is still sending when it is reset may never see its response.
 */
export async function discardRest(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  request.resume();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, DISCARD_MS);
    request.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    request.once('end', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
