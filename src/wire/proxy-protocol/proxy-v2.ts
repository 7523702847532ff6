/**
 * Version 2 of the PROXY header: binary, with a length of its own.
 *
 *   12 signature │ version, command │ family │ 2 length │ addresses │ (type, 2 length, value)*
 */
import { canonicalIPv6 } from '../cidr.ts';
import { INCOMPLETE, type Incomplete } from '../refusal.ts';
import { noProxy, type ProxyHeader, type ProxyRefusal, refuseProxy } from './proxy-header.ts';

const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const FIXED_BYTES = 16;
// The format allows 64 KiB. The addresses take 36 bytes; the rest leaves room for the names in a client certificate.
const LENGTH_LIMIT = 16_384;

const LOCAL = 0x20;
const PROXY = 0x21;
const UNSPECIFIED = 0x00;
const TCP4 = 0x11;
const TCP6 = 0x21;

const TLV_HEAD_BYTES = 3;
const TLV_ALPN = 0x01;
const TLV_AUTHORITY = 0x02;
const TLV_SSL = 0x20;
const CLIENT_SSL = 0x01;

export function readProxyV2(
  buffer: Buffer,
  start: number,
  end: number,
): ProxyHeader | ProxyRefusal | Incomplete {
  const have = end - start;
  for (let i = 0; i < SIGNATURE.length && i < have; i++) {
    if (buffer[start + i] !== SIGNATURE[i]) return refuseProxy('expected the signature of version 2');
  }
  if (have <= SIGNATURE.length) return INCOMPLETE;
  const command = buffer[start + 12]!;
  if (command !== LOCAL && command !== PROXY)
    return refuseProxy(`expected LOCAL or PROXY, found byte ${command}`);
  if (have < FIXED_BYTES) return INCOMPLETE;
  const family = buffer[start + 13]!;
  const length = buffer.readUInt16BE(start + 14);
  if (length > LENGTH_LIMIT) return refuseProxy(`expected at most ${LENGTH_LIMIT} bytes, found ${length}`);
  if (command === PROXY) {
    const needed = addressBytes(family);
    if (needed < 0) return refuseProxy(`expected TCP over IPv4 or IPv6, found family ${family}`);
    if (length < needed) return refuseProxy(`expected ${needed} bytes of addresses, found ${length}`);
  }
  const whole = start + FIXED_BYTES + length;
  if (end < whole) return INCOMPLETE;
  // A LOCAL connection is the load balancer's own; the rest of its header must be skipped (§2.2).
  return command === LOCAL ? noProxy(whole) : understand(buffer, start + FIXED_BYTES, whole, family);
}

/** The length of both addresses and ports; -1: unsupported, since datagrams and UNIX sockets carry no client's HTTP. */
function addressBytes(family: number): number {
  if (family === TCP4) return 12;
  if (family === TCP6) return 36;
  return family === UNSPECIFIED ? 0 : -1;
}

function understand(buffer: Buffer, from: number, to: number, family: number): ProxyHeader | ProxyRefusal {
  const each = family === TCP4 ? 4 : 16;
  const tlvsFrom = from + addressBytes(family);
  const told = readTlvs(buffer, tlvsFrom, to);
  if (told === undefined) return refuseProxy('a TLV is longer than the header');
  if (family === UNSPECIFIED) return noProxy(to);
  return {
    type: 'proxy',
    sourceAddress: addressAt(buffer, from, each),
    sourcePort: buffer.readUInt16BE(from + 2 * each),
    destinationAddress: addressAt(buffer, from + each, each),
    destinationPort: buffer.readUInt16BE(from + 2 * each + 2),
    ...told,
    end: to,
  };
}

type Told = Pick<ProxyHeader, 'isSecure' | 'serverName' | 'alpn'>;

/** Reads the few TLVs that a router uses; others are skipped by their length, which must stay within the header. */
function readTlvs(buffer: Buffer, from: number, to: number): Told | undefined {
  let isSecure = false;
  let serverName = '';
  let alpn = '';
  let at = from;
  while (at < to) {
    if (to - at < TLV_HEAD_BYTES) return undefined;
    const type = buffer[at]!;
    const valueFrom = at + TLV_HEAD_BYTES;
    at = valueFrom + buffer.readUInt16BE(at + 1);
    if (at > to) return undefined;
    if (type === TLV_SSL) isSecure = at > valueFrom && (buffer[valueFrom]! & CLIENT_SSL) !== 0;
    else if (type === TLV_AUTHORITY) serverName = visible(buffer, valueFrom, at);
    else if (type === TLV_ALPN) alpn = visible(buffer, valueFrom, at);
  }
  return { isSecure, serverName, alpn };
}

/** Visible ASCII, to be logged; empty for any other value. */
function visible(buffer: Buffer, from: number, to: number): string {
  for (let at = from; at < to; at++) if (buffer[at]! <= 0x20 || buffer[at]! >= 0x7f) return '';
  return buffer.toString('latin1', from, to);
}

function addressAt(buffer: Buffer, at: number, bytes: number): string {
  if (bytes === 4) return `${buffer[at]}.${buffer[at + 1]}.${buffer[at + 2]}.${buffer[at + 3]}`;
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(buffer.readUInt16BE(at + i).toString(16));
  return canonicalIPv6(groups.join(':'));
}
