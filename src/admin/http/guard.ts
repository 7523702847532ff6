/** Who may use the admin API: checks the host name, the origin and the token, in this order. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { parseHostPort } from '../../config/index.ts';
import { header } from './call.ts';
import { Refused } from './problem.ts';

export type GuardOptions = {
  /** Names besides `localhost` and the local address of the connection; lower case, without port. */
  readonly names: readonly string[];
  readonly token: string | undefined;
};

/** The last accepted value per connection: a client with keep-alive sends the same again. */
const KNOWN = new WeakMap<Socket, string>();

/** With DNS rebinding, a page whose name resolves to this machine sends its own name as Host and is detected. */
export function checkHost(request: IncomingMessage, { names }: GuardOptions): void {
  let count = 0;
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at]!;
    if (name.length === 'host'.length && name.toLowerCase() === 'host') count += 1;
  }
  // RFC 9112 §3.2: more than one Host line is a 400.
  if (count !== 1) throw new Refused('malformed_request', `expected one Host, found ${count}`);
  const text = header(request, 'host') ?? '';
  if (KNOWN.get(request.socket) === text) return;
  const host = hostOf(text);
  const own = [hostOf(bracketed(request.socket.localAddress ?? '')), 'localhost', ...names];
  if (host !== undefined && own.includes(host)) {
    KNOWN.set(request.socket, text);
    return;
  }
  const detail = `expected a Host of this listener, found ${JSON.stringify(text)}; admin.names lists further ones`;
  throw new Refused('host_unknown', detail);
}

/** A page of another site, or of another port of this machine, may neither send commands nor read. */
export function checkOrigin(request: IncomingMessage): void {
  const site = header(request, 'sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new Refused(
      'foreign_origin',
      `expected a request of our own, found Sec-Fetch-Site ${JSON.stringify(site)}`,
    );
  }
  const origin = header(request, 'origin');
  const host = header(request, 'host')?.toLowerCase();
  if (origin === undefined || origin === `http://${host}` || origin === `https://${host}`) return;
  throw new Refused('foreign_origin', `expected no Origin or our own, found ${JSON.stringify(origin)}`);
}

// The name by which every switchyard signs what it forwards.
const FORWARDED = /\bswitchyard-[0-9a-f]{12}\b/;

/**
 * Without a token, requests from this machine are accepted. A router on this machine could pass on those of its own
 * clients, because a backend's name may lead to the admin API, whatever the Host field says.
 */
export function checkWay(request: IncomingMessage, { token }: GuardOptions): void {
  const via = header(request, 'via');
  if (token !== undefined || via === undefined || !FORWARDED.test(via)) return;
  throw new Refused(
    'foreign_origin',
    `expected a request that came straight here, or a token, found Via ${JSON.stringify(via)}`,
  );
}

export function checkToken(request: IncomingMessage, { token }: GuardOptions): void {
  if (token === undefined) return;
  const given = /^Bearer +(\S+)$/i.exec(header(request, 'authorization') ?? '')?.[1];
  if (given !== undefined && sameSecret(given, token)) return;
  const detail =
    given === undefined
      ? 'expected Authorization: Bearer TOKEN, found none'
      : 'expected the admin token, found another';
  throw new Refused('unauthorized', detail, { headers: { 'www-authenticate': 'Bearer realm="switchyard"' } });
}

// Digests have the same length, so the time taken reveals neither the content nor the length of the token.
function sameSecret(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function hostOf(text: string): string | undefined {
  return (parseHostPort(text) ?? parseHostPort(`${text}:80`))?.host.toLowerCase();
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
