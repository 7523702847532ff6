/** Refuses what Node itself could not parse as a request, with a problem like any other refusal. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ProblemType, problem } from './problem.ts';
import { ALWAYS } from './send.ts';

export function refuseUnreadable(error: NodeJS.ErrnoException & { reason?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [type, detail] = REFUSALS[error.code ?? ''] ?? [
    'malformed_request',
    `expected a request of HTTP/1.1, found none: ${error.reason ?? error.message}`,
  ];
  refuse(socket, type, detail);
}

/** For CONNECT, Node gives no response object. */
export function refuseTunnel(socket: Duplex): void {
  refuse(socket, 'malformed_request', 'expected a path, found CONNECT');
}

const REFUSALS: Readonly<Record<string, readonly [ProblemType, string]>> = {
  HPE_HEADER_OVERFLOW: ['head_too_large', 'expected a head of at most 16 KiB, found more'],
  ERR_HTTP_REQUEST_TIMEOUT: ['head_too_slow', 'expected a whole head within 10 s, found a part of one'],
};

// 2 s: a client that has not read its response by then, or keeps sending, is cut.
const LINGER_MS = 2000;

/** For CONNECT, Node has detached the socket; its errors and its end must be handled here. */
function refuse(socket: Duplex, type: ProblemType, detail: string): void {
  const { status, headers, value } = problem(type, detail);
  const body = `${JSON.stringify(value)}\n`;
  const fields = { ...ALWAYS, ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' };
  const lines = Object.entries(fields).map(([name, text]) => `${name}: ${text}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.on('error', () => {}).once('close', () => clearTimeout(timer));
  // Its end is noticed only if it is read.
  socket.resume();
}
