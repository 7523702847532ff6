/** Puts replies on the wire. */
import type { ServerResponse } from 'node:http';
import type { Outlet, Reply } from './reply.ts';

// Nothing here is a web page, and nothing may be cached.
export const ALWAYS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

// 60 s: a client that takes nothing for that long is gone or stuck.
const STALLED_MS = 60_000;
// 64 KiB: a client that takes this much in time is not stuck. Most texts are smaller.
const PIECE_BYTES = 65_536;

type Poured = Pick<Extract<Reply, { type: 'stream' }>, 'headers' | 'isEndless' | 'pour'> & {
  readonly status: number;
};

export class Sender {
  readonly #closing: AbortSignal;
  readonly #stalledMs: number;

  /** `closing`: aborted when the admin API closes. `stalledMs`: after this long without progress a client is cut off. */
  constructor(closing: AbortSignal, stalledMs = STALLED_MS) {
    this.#closing = closing;
    this.#stalledMs = stalledMs;
  }

  /** Resolves when the client has the reply, or has gone. Node omits the content by itself when the method is HEAD. */
  async send(response: ServerResponse, reply: Reply): Promise<void> {
    switch (reply.type) {
      case 'empty':
        response.writeHead(reply.status, { ...ALWAYS, ...reply.headers }).end();
        break;
      case 'text':
        await this.#sendText(response, reply.status, reply.headers, reply.text);
        break;
      case 'json': {
        const headers = { 'content-type': 'application/json', ...reply.headers };
        await this.#sendText(response, reply.status, headers, `${JSON.stringify(reply.value)}\n`);
        break;
      }
      case 'stream':
        await this.#pour(response, reply);
    }
    await this.#taken(response);
  }

  async #sendText(
    response: ServerResponse,
    status: number,
    own: Readonly<Record<string, string>>,
    text: string,
  ): Promise<void> {
    const length = Buffer.byteLength(text);
    const headers = { ...own, 'content-length': String(length) };
    if (length > PIECE_BYTES) {
      const bytes = Buffer.from(text);
      return this.#pour(response, { status, headers, pour: (outlet) => writePieces(outlet, bytes) });
    }
    response.writeHead(status, { ...ALWAYS, ...headers }).end(text);
  }

  async #pour(response: ServerResponse, reply: Poured): Promise<void> {
    if (response.req.method === 'HEAD') {
      response.writeHead(reply.status, { ...ALWAYS, ...reply.headers }).end();
      return reply.pour(NOBODY);
    }
    const gone = new AbortController();
    const onGone = () => gone.abort();
    response.once('close', onGone);
    // The client may have left while the response was made; then no event follows.
    if (response.closed) onGone();
    const signal = reply.isEndless === true ? AbortSignal.any([gone.signal, this.#closing]) : gone.signal;
    // A follower that only listens would not notice a peer that vanished.
    response.socket?.setKeepAlive(true, 30_000);
    response.writeHead(reply.status, { ...ALWAYS, ...reply.headers });
    response.flushHeaders();
    try {
      await reply.pour(new ResponseOutlet(response, signal, this.#stalledMs));
      response.end();
    } finally {
      response.off('close', onGone);
    }
  }

  async #taken(response: ServerResponse): Promise<void> {
    if (response.closed) return;
    const timer = setTimeout(() => response.destroy(), this.#stalledMs);
    await new Promise((resolve) => response.once('close', resolve));
    clearTimeout(timer);
  }
}

async function writePieces(outlet: Outlet, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    if (!(await outlet.write(bytes.subarray(at, at + PIECE_BYTES)))) return;
  }
}

/** For a HEAD request: releases what would have been sent. */
const NOBODY: Outlet = { signal: AbortSignal.abort(), write: async () => false };

class ResponseOutlet implements Outlet {
  readonly signal: AbortSignal;
  readonly #response: ServerResponse;
  readonly #stalledMs: number;

  constructor(response: ServerResponse, signal: AbortSignal, stalledMs: number) {
    this.#response = response;
    this.signal = signal;
    this.#stalledMs = stalledMs;
  }

  async write(text: string | Uint8Array): Promise<boolean> {
    if (this.signal.aborted) return false;
    if (this.#response.write(text)) return true;
    return this.#drained();
  }

  #drained(): Promise<boolean> {
    const response = this.#response;
    return new Promise((resolve) => {
      const settle = (room: boolean) => {
        clearTimeout(timer);
        response.off('drain', onDrain);
        this.signal.removeEventListener('abort', onAbort);
        resolve(room);
      };
      const onDrain = () => settle(true);
      const onAbort = () => settle(false);
      const timer = setTimeout(() => response.destroy(), this.#stalledMs);
      response.once('drain', onDrain);
      this.signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
