/**
 * Addresses as text, `host:port` or `[v6]:port`, in canonical spelling, and whether they mean this machine or this
 * process.
 */
import { BlockList, isIP } from 'node:net';

export type HostPort = {
  /** In canonical form, lower case and without brackets: `127.0.0.1`, `::1`, `example.com`. */
  readonly host: string;
  readonly port: number;
};

const HOST_PORT = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9_][A-Za-z0-9._-]{0,252})):(\d{1,5})$/;

export function parseHostPort(text: string): HostPort | undefined {
  const match = HOST_PORT.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  if (match[1] !== undefined && isIP(match[1]) !== 6) return undefined;
  const host = canonicalHost(match[1] === undefined ? match[2]! : `[${match[1]}]`);
  return host === undefined ? undefined : { host, port };
}

export function renderHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The URL parser knows every spelling of an address that `connect` would accept: `127.1`, `0x7f000001`, `::0:1`. */
function canonicalHost(text: string): string | undefined {
  // The URL parser accepts underscores, which occur in real names.
  if (!URL.canParse(`http://${text}`)) return undefined;
  const { hostname } = new URL(`http://${text}`);
  if (!hostname.startsWith('[')) return hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
  return unmapped(hostname.slice(1, -1));
}

/** RFC 4291 §2.5.5.2: `::ffff:7f00:1` is the IPv4 address 127.0.0.1. */
function unmapped(v6: string): string {
  const match = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(v6);
  if (match === null) return v6;
  const [high, low] = [Number.parseInt(match[1]!, 16), Number.parseInt(match[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  const family = isIP(host);
  return family !== 0 && loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Which of the router's own listeners an address leads to; undefined if none. A router that is its own backend would
 * serve itself until its slots are used up. `local`: the addresses of this machine's interfaces.
 */
export function ownListener(
  address: string,
  listeners: readonly string[],
  local: readonly string[],
): string | undefined {
  // Nearly all addresses are ruled out by the port alone.
  const port = portOf(address);
  if (!listeners.some((text) => portOf(text) === port)) return undefined;
  const wanted = parseHostPort(address);
  if (wanted === undefined) return undefined;
  return listeners.find((text) => {
    const listener = parseHostPort(text);
    return (
      listener !== undefined && listener.port === wanted.port && leadsTo(wanted.host, listener.host, local)
    );
  });
}

function portOf(text: string): number {
  return Number(text.slice(text.lastIndexOf(':') + 1));
}

function leadsTo(host: string, listener: string, local: readonly string[]): boolean {
  if (host === listener) return true;
  const hosts = namesOf(host);
  if (isUnspecified(listener))
    return hosts.some((one) => isLoopback(one) || isUnspecified(one) || local.includes(one));
  // Connecting to the unspecified address connects to loopback.
  const targets = hosts.flatMap((one) => (isUnspecified(one) ? ['127.0.0.1', '::1'] : [one]));
  return targets.some((one) => namesOf(listener).includes(one));
}

function namesOf(host: string): string[] {
  return host === 'localhost' || host.endsWith('.localhost') ? ['localhost', '127.0.0.1', '::1'] : [host];
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

export function isCidr(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || address.includes('%')) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}
