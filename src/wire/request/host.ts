/** The host in a Host field: the key under which a domain is looked up. */
import { isIPv6 } from 'node:net';
import { COLON, HOST_NAME } from '../octets.ts';

// RFC 1035 §2.3.4.
const NAME_BYTES = 253;
const LABEL_BYTES = 63;
const DOT = 0x2e;
const BRACKET = 0x5b;
const MAX_PORT = 65_535;

/**
 * The host in lower case, without port and final dot, an IPv6 literal in canonical form; empty if it is not one valid
 * host (RFC 9112 §3.2 requires a 400). A comma, a percent sign or user information may be valid in a URI, but not in a
 * DNS name, and implementations read them differently.
 */
export function domainOf(host: string): string {
  if (host.charCodeAt(0) === BRACKET) return literal(host);
  let label = 0;
  let at = 0;
  let hasCapitals = false;
  for (; at < host.length; at++) {
    const byte = host.charCodeAt(at);
    if (byte === COLON) break;
    if (byte === DOT) {
      if (label === 0) return '';
      label = 0;
      continue;
    }
    if (HOST_NAME[byte] !== 1 || ++label > LABEL_BYTES) return '';
    if (byte >= 0x41 && byte <= 0x5a) hasCapitals = true;
  }
  const nameEnd = label === 0 ? at - 1 : at;
  if (nameEnd <= 0 || nameEnd > NAME_BYTES) return '';
  if (at < host.length && !isPort(host, at + 1)) return '';
  const name = host.slice(0, nameEnd);
  return hasCapitals ? name.toLowerCase() : name;
}

function literal(host: string): string {
  const close = host.indexOf(']');
  if (close < 0) return '';
  const address = host.slice(1, close);
  // isIPv6 accepts a zone (`%eth0`), which means nothing on another machine.
  if (address.includes('%') || !isIPv6(address)) return '';
  const rest = close + 1;
  if (rest < host.length && !(host.charCodeAt(rest) === COLON && isPort(host, rest + 1))) return '';
  // RFC 5952 §4, an IPv4-mapped address in hex: `[0:0:0:0:0:0:0:1]` and `[::1]` are one host.
  return URL.parse(`http://${host.slice(0, rest)}`)?.hostname ?? '';
}

/** RFC 3986 §3.2.3: port = *DIGIT, so an empty port is valid. */
function isPort(host: string, from: number): boolean {
  if (host.length - from > 5) return false;
  let port = 0;
  for (let at = from; at < host.length; at++) {
    const digit = host.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= MAX_PORT;
}
