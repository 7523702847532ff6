/** Checks what a program's callbacks return and converts it for the plane. Invalid values throw. */
import { isIPv6 } from 'node:net';
import { describeFound } from '../config/index.ts';
import type { Answer, BackendAddress } from '../proxy/index.ts';
import { type Fields, fieldKey, isFieldName, isFieldValue } from '../wire/index.ts';
import type { Backend, ErrorPage, Found, Headers, Redirect } from './decisions.ts';

// Fields that frame a message, belong to one hop, or name its host: RFC 9112 §6, RFC 9110 §7.6.1.
const NOT_TO_BE_SET = new Set(
  'connection content-length host keep-alive proxy-connection te trailer transfer-encoding upgrade via'.split(
    ' ',
  ),
);

export function isSettableField(name: unknown): name is string {
  return typeof name === 'string' && isFieldName(name) && !NOT_TO_BE_SET.has(name.toLowerCase());
}

/** Name, value, name, value. */
export function fieldsOf(headers: Headers | undefined): string[] {
  if (headers === undefined) return [];
  const fields: string[] = [];
  for (const [name, value] of pairsIn(headers)) {
    if (!isSettableField(name))
      throw new TypeError(`expected the name of a header that may be set, found ${describeFound(name)}`);
    for (const one of Array.isArray(value) ? value : [value]) fields.push(name, fieldValue(name, one));
  }
  return fields;
}

function* pairsIn(headers: unknown): Iterable<readonly [name: unknown, value: unknown]> {
  if (typeof headers !== 'object' || headers === null)
    throw new TypeError(`expected headers, an object or a list of pairs, found ${describeFound(headers)}`);
  const pairs: Iterable<unknown> = isIterable(headers) ? headers : Object.entries(headers);
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2)
      throw new TypeError(`expected a pair of a header's name and value, found ${describeFound(pair)}`);
    yield [pair[0], pair[1]];
  }
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value;
}

function fieldValue(name: string, value: unknown): string {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !isFieldValue(text))
    throw new TypeError(
      `expected a value for ${name} of visible characters on one line, found ${describeFound(value)}`,
    );
  return text;
}

/** The `fieldKey`s of fields that replace others; a Set-Cookie is added instead. */
export function replacedBy(fields: Fields): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  for (let i = 0; i < fields.length; i += 2) names.add(fieldKey(fields[i] ?? ''));
  names.delete('set-cookie');
  return names.size === 0 ? undefined : names;
}

/** Statuses that have no body. */
const BODILESS = new Set([204, 205, 304]);

export function answerOf(page: ErrorPage): Answer {
  if (typeof page !== 'object' || page === null)
    throw new TypeError(`expected a page with status and body, found ${describeFound(page)}`);
  const { status, headers, body } = page;
  if (!Number.isInteger(status) || status < 200 || status > 599 || BODILESS.has(status))
    throw new TypeError(`expected a status from 200 to 599 that has a body, found ${describeFound(status)}`);
  if (typeof body !== 'string' && !(body instanceof Uint8Array))
    throw new TypeError(`expected a body of text or bytes, found ${describeFound(body)}`);
  const fields = fieldsOf(headers);
  const given = replacedBy(fields);
  if (!given?.has('content-type')) fields.push('Content-Type', 'text/html; charset=utf-8');
  if (!given?.has('cache-control')) fields.push('Cache-Control', 'no-store');
  return { status, fields, body };
}

/** Whether a lookup's answer that is not a refusal is a redirect; throws if it is not a domain either. */
export function isRedirect<Domain>(found: Found<Domain> | Redirect): found is Redirect {
  const isObject = typeof found === 'object' && found !== null;
  if (isObject && 'redirect' in found && found.redirect !== undefined) return true;
  if (isObject && 'domain' in found && found.domain !== undefined && found.domain !== null) return false;
  throw new TypeError(`expected a domain, a redirect, a refusal or undefined, found ${describeFound(found)}`);
}

const REDIRECTS = [301, 302, 303, 307, 308];

// The URL parser would drop spaces and tabs, and take a backslash for the beginning of a path.
const ORIGIN = /^https?:\/\/[^\s/?#@\\]+\/?$/i;

export function redirection({ redirect, status = 301 }: Redirect, scheme: string, target: string): Answer {
  if (typeof redirect !== 'string')
    throw new TypeError(`expected a host or an origin, found ${describeFound(redirect)}`);
  const origin = redirect.includes('://') ? redirect : `${scheme}://${redirect}`;
  if (!ORIGIN.test(origin) || !URL.canParse(origin))
    throw new TypeError(`expected a host or an http origin without a path, found ${describeFound(redirect)}`);
  const { host, protocol } = new URL(origin);
  if (!REDIRECTS.includes(status))
    throw new TypeError(`expected one of ${REDIRECTS.join(', ')}, found ${describeFound(status)}`);
  const location = `${protocol}//${host}${target === '*' ? '' : target}`;
  // RFC 9110 §15.4.2: caches may store it, so it must not say `no-store`.
  return { status, fields: ['Location', location], body: '' };
}

export type BackendFound = {
  readonly address: BackendAddress;
  readonly name: string;
  readonly connection: 'fresh' | 'single' | undefined;
};

export function backendFound(given: Backend): BackendFound {
  if (typeof given === 'string') return { address: addressOf(given), name: given, connection: undefined };
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`expected where a backend is, found ${describeFound(given)}`);
  const address = addressIn(given);
  const { name = 'path' in address ? `unix:${address.path}` : `${address.host}:${address.port}` } = given;
  if (typeof name !== 'string')
    throw new TypeError(`expected the name of a backend, found ${describeFound(name)}`);
  return { address, name, connection: connectionOf(given.keepAlive) };
}

function connectionOf(keepAlive: unknown): BackendFound['connection'] {
  if (keepAlive === undefined || keepAlive === true) return undefined;
  if (keepAlive === false) return 'single';
  if (keepAlive === 'fresh') return 'fresh';
  throw new TypeError(`expected true, false or 'fresh' for keepAlive, found ${describeFound(keepAlive)}`);
}

function addressIn(given: Exclude<Backend, string>): BackendAddress {
  if ('address' in given) return addressOf(given.address);
  if ('path' in given) return socketAt(given.path);
  return networkAddress(given.host, given.port);
}

/** `unix:/path`, `[v6]:port` or `host:port`. */
function addressOf(text: unknown): BackendAddress {
  if (typeof text !== 'string')
    throw new TypeError(`expected the address of a backend, host:port, found ${describeFound(text)}`);
  if (text.startsWith('unix:')) return socketAt(text.slice('unix:'.length));
  const [, host, port] = HOST_PORT.exec(text) ?? [];
  return networkAddress(host, Number(port), text);
}

const HOST_PORT = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/;

const SOCKET_PATH = /^\/[^\0]+$/;

function socketAt(path: unknown): BackendAddress {
  if (typeof path === 'string' && SOCKET_PATH.test(path)) return { path };
  throw new TypeError(`expected the path of a socket, which begins with /, found ${describeFound(path)}`);
}

const BRACKETED = /^\[(.*)\]$/;
const HOST_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/;

/** Also accepts `[v6]`, as in a URL. */
function networkAddress(given: unknown, port: unknown, text?: string): BackendAddress {
  const host = typeof given === 'string' ? given.replace(BRACKETED, '$1') : '';
  const isHost = isIPv6(host) || (host === given && HOST_NAME.test(host));
  const isPort = typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535;
  if (isHost && isPort) return { host, port };
  const found =
    text === undefined ? `${describeFound(given)} and ${describeFound(port)}` : describeFound(text);
  throw new TypeError(`expected the address of a backend, host and port, found ${found}`);
}
