/**
 * The PROXY header that a load balancer sends before the first request to name the real client (PROXY protocol,
 * versions 1 and 2). If it is malformed, the connection is closed without an answer, because the peer is not a load
 * balancer.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { canonicalIPv6 } from '../cidr.ts';
import { CR, isDigits, LF, SPACE } from '../octets.ts';
import { INCOMPLETE, type Incomplete } from '../refusal.ts';
import { noProxy, type ProxyHeader, type ProxyRefusal, refuseProxy } from './proxy-header.ts';
import { readProxyV2 } from './proxy-v2.ts';

const V2_FIRST_BYTE = CR;
const V1_START = 'PROXY ';
// PROXY protocol §2.1: the longest line, CRLF included, is 107 bytes.
const V1_BYTES = 107;

export function readProxyHeader(
  buffer: Buffer,
  start: number,
  end: number,
): ProxyHeader | ProxyRefusal | Incomplete {
  if (start === end) return INCOMPLETE;
  return buffer[start] === V2_FIRST_BYTE ? readProxyV2(buffer, start, end) : readV1(buffer, start, end);
}

/** Reads from the start each time: that costs little, since it is at most 107 bytes. */
function readV1(buffer: Buffer, start: number, end: number): ProxyHeader | ProxyRefusal | Incomplete {
  const stop = Math.min(end, start + V1_BYTES);
  for (let at = start; at < stop; at++) {
    const byte = buffer[at]!;
    const isOfLine = byte >= SPACE && byte < 0x7f;
    const expected = V1_START.charCodeAt(at - start);
    if (at - start < V1_START.length && byte !== expected) return refuseProxy('expected PROXY');
    if (isOfLine) continue;
    if (byte !== CR) return refuseProxy(`expected CRLF at the end of the line, found byte ${byte}`);
    if (at + 1 === stop) break;
    if (buffer[at + 1] !== LF) return refuseProxy('expected LF after CR');
    return understandV1(buffer.toString('latin1', start, at), at + 2);
  }
  return stop - start === V1_BYTES ? refuseProxy(`expected CRLF within ${V1_BYTES} bytes`) : INCOMPLETE;
}

function understandV1(line: string, end: number): ProxyHeader | ProxyRefusal {
  const parts = line.split(' ');
  const family = parts[1];
  // §2.1: everything between UNKNOWN and the CRLF is ignored.
  if (family === 'UNKNOWN') return noProxy(end);
  const [, , source, destination, sourcePort, destinationPort] = parts;
  if (parts.length !== 6 || (family !== 'TCP4' && family !== 'TCP6')) return refuseProxy(shown(line));
  if (!isAddress(family, source!) || !isAddress(family, destination!)) return refuseProxy(shown(line));
  if (!isPort(sourcePort!) || !isPort(destinationPort!)) return refuseProxy(shown(line));
  return {
    ...noProxy(end),
    sourceAddress: family === 'TCP4' ? source! : canonicalIPv6(source!),
    sourcePort: Number(sourcePort),
    destinationAddress: family === 'TCP4' ? destination! : canonicalIPv6(destination!),
    destinationPort: Number(destinationPort),
  };
}

function isAddress(family: string, text: string): boolean {
  return family === 'TCP4' ? isIPv4(text) : isIPv6(text) && !text.includes('%');
}

/** §2.1: no leading zeros, 0 to 65535. */
function isPort(text: string): boolean {
  return isDigits(text) && Number(text) <= 65_535 && (text === '0' || !text.startsWith('0'));
}

function shown(line: string): string {
  return `expected PROXY TCP4|TCP6 and two addresses and ports, found ${JSON.stringify(line)}`;
}
