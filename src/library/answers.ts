/** What a program answered, checked and brought into the plane's shape. Whatever is not sound throws. */
import type { Answer, BackendAddress } from '../proxy/index.ts';
import { type Fields, isFieldName, isFieldValue } from '../wire/index.ts';
import type { Backend, ErrorPage, Headers, Redirect } from './decisions.ts';

// What frames a message, belongs to one hop, or names its host: RFC 9112 §6, RFC 9110 §7.6.1.
const NOT_TO_BE_SET = new Set(
  'connection content-length host keep-alive proxy-connection te trailer transfer-encoding upgrade via'.split(
    ' ',
  ),
);

/** Name, value, name, value. */
export function fieldsOf(headers: Headers | undefined): string[] {
  if (headers === undefined) return [];
  const given: readonly (readonly [string, unknown])[] = isList(headers) ? headers : Object.entries(headers);
  const fields: string[] = [];
  for (const [name, value] of given) {
    if (!isFieldName(name) || NOT_TO_BE_SET.has(name.toLowerCase()))
      throw new TypeError(`expected the name of a header that may be set, found ${JSON.stringify(name)}`);
    for (const one of Array.isArray(value) ? value : [value]) {
      const text = String(one);
      if (!isFieldValue(text))
        throw new TypeError(`expected a value for ${name} of visible characters on one line`);
      fields.push(name, text);
    }
  }
  return fields;
}

function isList(headers: Headers): headers is Exclude<Headers, { readonly [name: string]: unknown }> {
  return Array.isArray(headers);
}

/** The names in lower case that take the place of others; a cookie more takes no other's. */
export function replacedBy(fields: Fields): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  for (let i = 0; i < fields.length; i += 2) names.add((fields[i] ?? '').toLowerCase());
  names.delete('set-cookie');
  return names.size === 0 ? undefined : names;
}

/** Statuses that have no body, or are no end. */
const BODILESS = new Set([204, 205, 304]);

export function answerOf({ status, headers, body }: ErrorPage): Answer {
  if (!Number.isInteger(status) || status < 200 || status > 599 || BODILESS.has(status))
    throw new TypeError(`expected a status from 200 to 599 that has a body, found ${status}`);
  if (typeof body !== 'string' && !(body instanceof Uint8Array))
    throw new TypeError(`expected a body of text or bytes, found ${typeof body}`);
  const fields = fieldsOf(headers);
  const given = replacedBy(fields);
  if (!given?.has('content-type')) fields.push('Content-Type', 'text/html; charset=utf-8');
  if (!given?.has('cache-control')) fields.push('Cache-Control', 'no-store');
  return { status, fields, body };
}

const REDIRECTS = [301, 302, 303, 307, 308];

export function redirection({ redirect, status = 301 }: Redirect, scheme: string, target: string): Answer {
  const origin = redirect.includes('://') ? redirect : `${scheme}://${redirect}`;
  if (!URL.canParse(origin) || !isFieldValue(origin))
    throw new TypeError(`expected a host or an origin, found ${redirect}`);
  const { host, protocol, pathname, search, hash, username, password } = new URL(origin);
  if (host === '' || pathname.length > 1 || `${search}${hash}${username}${password}` !== '')
    throw new TypeError(`expected a host or an origin without a path, found ${redirect}`);
  if (!REDIRECTS.includes(status))
    throw new TypeError(`expected one of ${REDIRECTS.join(', ')}, found ${status}`);
  const location = `${protocol}//${host}${target === '*' ? '' : target}`;
  // RFC 9110 §15.4.2: it may be kept by caches, so it must not say `no-store`.
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
    throw new TypeError(`expected where a backend is, found ${typeof given}`);
  const address = addressIn(given);
  const name = given.name ?? ('path' in address ? `unix:${address.path}` : `${address.host}:${address.port}`);
  return { address, name, connection: connectionOf(given.keepAlive) };
}

function connectionOf(keepAlive: unknown): BackendFound['connection'] {
  if (keepAlive === undefined || keepAlive === true) return undefined;
  if (keepAlive === false) return 'single';
  if (keepAlive === 'fresh') return 'fresh';
  throw new TypeError(`expected true, false or 'fresh' for keepAlive, found ${String(keepAlive)}`);
}

function addressIn(given: Exclude<Backend, string>): BackendAddress {
  if ('address' in given) return addressOf(given.address);
  if ('path' in given) return { path: given.path };
  return checked(given.host, given.port, given.host);
}

/** `unix:/path`, `[v6]:port` or `host:port`. */
function addressOf(text: string): BackendAddress {
  if (text.startsWith('unix:/')) return { path: text.slice('unix:'.length) };
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(colon, 0));
  return checked(host.startsWith('[') ? host.slice(1, -1) : host, Number(text.slice(colon + 1)), text);
}

function checked(host: unknown, port: unknown, found: string): BackendAddress {
  const isPort = typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535;
  if (typeof host !== 'string' || host === '' || !isPort)
    throw new TypeError(`expected the address of a backend, host and port, found ${JSON.stringify(found)}`);
  return { host, port };
}
