/** The location of a redirect, filled in from the request. */
import type { LocationPart } from '../../../eventlog/index.ts';

export type Asked = {
  /** Without port. */
  readonly host: string;
  /** Without query. */
  readonly path: string;
  /** With its question mark, or empty. */
  readonly query: string;
  /** The route's path prefix; empty: none. */
  readonly prefix: string;
};

// RFC 3986 §2: other characters are percent-encoded, so that a client can end neither the line nor the host with them.
const ODD = /[^A-Za-z0-9._~:/?#[\]@!$&'()*+,;=%-]/g;
const AMBIGUOUS = /^\/{2,}/;

export function locationOf(parts: readonly LocationPart[], asked: Asked): string {
  let location = '';
  for (const part of parts) location += part.type === 'text' ? part.text : filled(part.type, asked);
  // A browser reads //name as a host, which a client must not be able to choose by the path.
  if (AMBIGUOUS.test(location)) return location.replace(AMBIGUOUS, '/');
  return location === '' ? '/' : location;
}

function filled(what: 'host' | 'path' | 'query' | 'rest', { host, path, query, prefix }: Asked): string {
  switch (what) {
    case 'host':
      return encoded(host);
    case 'path':
      // RFC 9110 §7.1: `*` addresses the server itself, and is no path.
      return path.startsWith('/') ? encoded(path) : '/';
    case 'query':
      return encoded(query);
    case 'rest':
      return encoded(prefix === '/' ? path : path.slice(prefix.length));
  }
}

function encoded(text: string): string {
  return text.replace(ODD, (octet) => `%${octet.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`);
}
