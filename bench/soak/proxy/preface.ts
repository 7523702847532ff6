/**
 * What a load balancer says before the first request, by the PROXY protocol: who is really there, and where it asked. Or what
 * somebody says there who is none.
 */
import type { Chance } from '../../../test/support/chance.ts';

const NAMING = ['v1', 'v1-ipv6', 'v2', 'v2-ipv6', 'v2-more'] as const;
/** A health check of its own, or a protocol that it does not know: then the connection's own ends count. */
const NAMELESS = ['v1-unknown', 'v2-local'] as const;
/** No balancer at all, or a header that says what cannot be. */
const UNSOUND = [
  ...(['none', 'v1-cut', 'v1-endless', 'v1-port', 'v1-family', 'v1-bare-lf'] as const),
  ...(['v2-version', 'v2-family', 'v2-short', 'v2-overlong-more'] as const),
];

type Form = (typeof NAMING | typeof NAMELESS | typeof UNSOUND)[number];

export type Preface = { readonly form: Form; readonly number: number; readonly port: number };

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const TCP4 = 0x11;
const TCP6 = 0x21;
const UDP4 = 0x12;

/** An address and a port that nobody has. */
export function prefaceOf(chance: Chance): Preface {
  const forms = chance.below(6) === 0 ? UNSOUND : chance.below(6) === 0 ? NAMELESS : NAMING;
  return {
    form: chance.pick<Form>(forms),
    number: chance.below(65_536),
    port: 10_000 + chance.below(10_000),
  };
}

/** A load balancer's. */
export function balancedOf(chance: Chance): Preface {
  return { ...prefaceOf(chance), form: chance.pick(NAMING) };
}

/** Whoever says this is no load balancer, and is not answered. */
export function isUnsound({ form }: Preface): boolean {
  return (UNSOUND as readonly Form[]).includes(form);
}

/** Whom it names; undefined: nobody. */
export function addressIn({ form, number }: Preface): string | undefined {
  if (!(NAMING as readonly Form[]).includes(form)) return undefined;
  return form.endsWith('ipv6') ? sixth(number) : fourth(number);
}

const fourth = (number: number): string => `198.18.${number >> 8}.${number & 255}`;
// The last group is no 0, so that it is not part of what `::` stands for.
const sixth = (number: number): string => `2001:db8::${(number | 1).toString(16)}`;

export function prefaceBytes({ form, number, port }: Preface): Buffer {
  const address = fourth(number);
  switch (form) {
    case 'none':
      return Buffer.alloc(0);
    case 'v1':
      return line(`TCP4 ${address} 127.0.0.1 4000 ${port}`);
    case 'v1-ipv6':
      return line(`TCP6 ${sixth(number)} ::1 4000 ${port}`);
    case 'v1-unknown':
      return line(`UNKNOWN ${address} and anything`);
    case 'v1-cut':
      return line(`TCP4 ${address}`);
    case 'v1-endless':
      return Buffer.from(`PROXY TCP4 ${address} ${'1'.repeat(107)}`, 'latin1');
    case 'v1-port':
      return line(`TCP4 ${address} 127.0.0.1 4000 7${port}`);
    case 'v1-family':
      return line(`TCP6 ${address} 127.0.0.1 4000 ${port}`);
    case 'v1-bare-lf':
      return Buffer.from(`PROXY TCP4 ${address} 127.0.0.1 4000 ${port}\n`, 'latin1');
    case 'v2':
      return binary(0x21, TCP4, ends4(address, port));
    case 'v2-ipv6':
      return binary(0x21, TCP6, ends6(number | 1, port));
    case 'v2-more':
      // A type that nobody knows, and a value of three bytes.
      return binary(0x21, TCP4, Buffer.concat([ends4(address, port), Buffer.from('e00003616263', 'hex')]));
    case 'v2-local':
      return binary(0x20, 0, Buffer.from('anything'));
    case 'v2-version':
      return binary(0x31, TCP4, ends4(address, port));
    case 'v2-family':
      return binary(0x21, UDP4, ends4(address, port));
    case 'v2-short':
      return binary(0x21, TCP4, ends4(address, port).subarray(0, 11));
    case 'v2-overlong-more':
      return binary(0x21, TCP4, Buffer.concat([ends4(address, port), Buffer.from('e00004616263', 'hex')]));
  }
}

function line(rest: string): Buffer {
  return Buffer.from(`PROXY ${rest}\r\n`, 'latin1');
}

function binary(command: number, family: number, rest: Buffer): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.from([command, family, 0, rest.length]), rest]);
}

function ends4(address: string, port: number): Buffer {
  return Buffer.concat([Buffer.from([...address.split('.').map(Number), 127, 0, 0, 1]), ports(port)]);
}

function ends6(last: number, port: number): Buffer {
  const source = Buffer.from('20010db8000000000000000000000000', 'hex');
  source.writeUInt16BE(last, 14);
  return Buffer.concat([source, Buffer.from('00000000000000000000000000000001', 'hex'), ports(port)]);
}

function ports(port: number): Buffer {
  const both = Buffer.alloc(4);
  both.writeUInt16BE(4000, 0);
  both.writeUInt16BE(port, 2);
  return both;
}
