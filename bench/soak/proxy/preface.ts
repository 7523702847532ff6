/** What a load balancer says before the first request, by the PROXY protocol: who is really there, and where it asked. */
import type { Chance } from '../../../test/support/chance.ts';

export type Preface = { readonly version: 1 | 2; readonly address: string; readonly port: number };

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** An address and a port that nobody has. */
export function prefaceOf(chance: Chance): Preface {
  const [third, fourth] = [chance.below(256), chance.below(256)];
  return {
    version: chance.pick([1, 2] as const),
    address: `198.18.${third}.${fourth}`,
    port: 10_000 + chance.below(10_000),
  };
}

export function prefaceBytes({ version, address, port }: Preface): Buffer {
  if (version === 1) return Buffer.from(`PROXY TCP4 ${address} 127.0.0.1 4000 ${port}\r\n`, 'latin1');
  const addresses = Buffer.from([...address.split('.').map(Number), 127, 0, 0, 1, 0, 0, 0, 0]);
  addresses.writeUInt16BE(4000, 8);
  addresses.writeUInt16BE(port, 10);
  // Version 2, PROXY; TCP over IPv4; a length.
  return Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0, addresses.length]), addresses]);
}
