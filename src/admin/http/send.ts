/** Puts replies on the wire. */
import type { ServerResponse } from 'node:http';
import type { Outlet, Reply } from './reply.ts';

// Nothing here is a web page, and nothing may be cached.
export const ALWAYS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

// 60 s: a client that reads nothing for that long is gone or stuck.
const STALLED_MS = 60_000;

/** Node omits the content by itself when the method is HEAD. */
export async function send(response: ServerResponse, reply: Reply, closing: AbortSignal): Promise<void> {
  switch (reply.type) {
    case 'empty':
      response.writeHead(reply.status, { ...ALWAYS, ...reply.headers }).end();
      return;
    case 'text':
      sendText(response, reply.status, reply.headers, reply.text);
      return;
    case 'json':
      sendText(
        response,
        reply.status,
        { 'content-type': 'application/json', ...reply.headers },
        `${JSON.stringify(reply.value)}\n`,
      );
      return;
    case 'stream':
      return pour(response, reply, closing);
  }
}

function sendText(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  text: string,
): void {
  const length = String(Buffer.byteLength(text));
  response.writeHead(status, { ...ALWAYS, ...headers, 'content-length': length }).end(text);
}

async function pour(
  response: ServerResponse,
  reply: Extract<Reply, { type: 'stream' }>,
  closing: AbortSignal,
): Promise<void> {
  if (response.req.method === 'HEAD') {
    response.writeHead(reply.status, { ...ALWAYS, ...reply.headers }).end();
    return reply.pour(NOBODY);
  }
  const gone = new AbortController();
  const onGone = () => gone.abort();
  response.once('close', onGone);
  // The client may have left while the response was made; then no event follows.
  if (response.closed) onGone();
  const signal = reply.isEndless === true ? AbortSignal.any([gone.signal, closing]) : gone.signal;
  // A follower that only listens would not notice a peer that vanished.
  response.socket?.setKeepAlive(true, 30_000);
  response.writeHead(reply.status, { ...ALWAYS, ...reply.headers });
  response.flushHeaders();
  try {
    await reply.pour(new ResponseOutlet(response, signal));
    response.end();
  } finally {
    response.off('close', onGone);
  }
}

/** For a HEAD request: releases what would have been sent. */
const NOBODY: Outlet = { signal: AbortSignal.abort(), write: async () => false };

class ResponseOutlet implements Outlet {
  readonly signal: AbortSignal;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse, signal: AbortSignal) {
    this.#response = response;
    this.signal = signal;
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
      const timer = setTimeout(() => response.destroy(), STALLED_MS);
      response.once('drain', onDrain);
      this.signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
