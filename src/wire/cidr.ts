/** The addresses that a listener trusts: a list of networks, and the canonical form of an address. */
import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net';

export type Networks = {
  includes(address: string): boolean;
};

const NOWHERE: Networks = { includes: () => false };

/** Parses networks such as `10.0.0.0/8` or `fd00::/8`, or single addresses; the problem names the first invalid entry. */
export function parseNetworks(
  entries: readonly string[],
): { readonly ok: true; readonly value: Networks } | { readonly ok: false; readonly problem: string } {
  if (entries.length === 0) return { ok: true, value: NOWHERE };
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const entry of entries) {
    if (!addNetwork(lists, entry)) {
      return { ok: false, problem: `expected a network such as 10.0.0.0/8, found ${JSON.stringify(entry)}` };
    }
  }
  return { ok: true, value: { includes: (address) => isIn(lists, plainAddress(address)) } };
}

/**
 * A list for each family, as in nginx, Envoy and Go: in one list, an IPv4 address also counts as the IPv6 address it is
 * mapped to, and so `::/0` or even `::/64` would include all of IPv4.
 */
type Lists = { readonly ipv4: BlockList; readonly ipv6: BlockList };

/** An IPv4 peer of a dual-stack socket appears as ::ffff:1.2.3.4; everywhere else it is 1.2.3.4. */
export function plainAddress(address: string): string {
  if (!address.startsWith('::ffff:')) return address;
  const v4 = address.slice('::ffff:'.length);
  return isIPv4(v4) ? v4 : address;
}

/**
 * The one form of a valid IPv6 address (RFC 5952 §4), as the system gives it for a peer: of several forms, each would be
 * counted and hashed on its own.
 */
export function canonicalIPv6(address: string): string {
  return plainAddress(new SocketAddress({ address, family: 'ipv6' }).address);
}

function addNetwork(lists: Lists, entry: string): boolean {
  const slash = entry.indexOf('/');
  const address = slash < 0 ? entry : entry.slice(0, slash);
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return false;
  const bits = family === 4 ? 32 : 128;
  const prefix = slash < 0 ? `${bits}` : entry.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return false;
  const plain = family === 4 ? address : canonicalIPv6(address);
  if (family === 6 && isIPv4(plain) && Number(prefix) >= MAPPED_BITS)
    lists.ipv4.addSubnet(plain, Number(prefix) - MAPPED_BITS, 'ipv4');
  else if (family === 6) lists.ipv6.addSubnet(address, Number(prefix), 'ipv6');
  else lists.ipv4.addSubnet(address, Number(prefix), 'ipv4');
  return true;
}

// RFC 4291 §2.5.5.2: IPv4 addresses are mapped to ::ffff:0:0/96.
const MAPPED_BITS = 96;

function isIn(lists: Lists, address: string): boolean {
  const family = isIP(address);
  if (family === 4) return lists.ipv4.check(address, 'ipv4');
  return family === 6 && lists.ipv6.check(address, 'ipv6');
}
