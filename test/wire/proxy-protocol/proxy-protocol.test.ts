import { describe, expect, it } from 'vitest';
import { readProxyHeader } from '../../../src/wire/index.ts';
import { bytes } from '../read.ts';

const read = (header: Buffer | string) => {
  const buffer = typeof header === 'string' ? bytes(header) : header;
  return readProxyHeader(buffer, 0, buffer.length);
};

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

function v2(command: number, family: number, body: Buffer, length = body.length): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.from([command, family, length >> 8, length & 255]), body]);
}

const TCP4 = Buffer.from('0102030405060708' + '04d2' + '01bb', 'hex');
const TCP6 = Buffer.from(
  '20010db8000000000000000000000001' + '00000000000000000000ffff05060708' + '04d2' + '0050',
  'hex',
);

function tlv(type: number, value: string | Buffer): Buffer {
  const data = Buffer.from(value);
  return Buffer.concat([Buffer.from([type, data.length >> 8, data.length & 255]), data]);
}

describe('PROXY version 1', () => {
  it('names both ends of TCP over IPv4', () => {
    expect(read('PROXY TCP4 1.2.3.4 5.6.7.8 1234 443\r\nGET /')).toEqual({
      type: 'proxy',
      sourceAddress: '1.2.3.4',
      sourcePort: 1234,
      destinationAddress: '5.6.7.8',
      destinationPort: 443,
      isSecure: false,
      serverName: '',
      alpn: '',
      end: 37,
    });
  });

  it('names both ends of TCP over IPv6', () => {
    expect(read('PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 1 65535\r\n')).toMatchObject({
      sourceAddress: '2001:db8::1',
      destinationAddress: '1.2.3.4',
      destinationPort: 65_535,
    });
  });

  it.each([
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:0db8:0:0:0::1', '2001:db8::1'],
    ['2001:db8:0:0:0:0:0:1', '2001:db8::1'],
    ['::FFFF:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
    ['0:0:0:0:0:ffff:1.2.3.4', '1.2.3.4'],
  ])('knows a client by one form of its address, however it is written: %s', (written, address) => {
    expect(read(`PROXY TCP6 ${written} ${written} 1 2\r\n`)).toMatchObject({
      sourceAddress: address,
      destinationAddress: address,
    });
  });

  it('takes UNKNOWN, with or without anything behind it', () => {
    expect(read('PROXY UNKNOWN\r\n')).toMatchObject({ type: 'proxy', sourceAddress: '', end: 15 });
    expect(read('PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n')).toMatchObject({ sourceAddress: '' });
  });

  it('takes a line of 107 bytes and refuses the next byte', () => {
    const line = (length: number) => `PROXY UNKNOWN ${'x'.repeat(length - 16)}\r\n`;
    expect(read(line(107)).type).toBe('proxy');
    expect(read(line(108)).type).toBe('refused');
    expect(read(line(108).slice(0, 106)).type).toBe('incomplete');
    expect(read(line(108).slice(0, 107)).type).toBe('refused');
  });

  it.each([
    'GET / HTTP/1.1\r\n',
    'proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY\r\n',
    'PROXY \r\n',
    'PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8  1 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n',
    'PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n',
    'PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n',
    'PROXY TCP4 ::1 ::2 1 2\r\n',
    'PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n',
    'PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rX',
    'PROXY TCP4 1.2.3.4\t5.6.7.8 1 2\r\n',
    'PROXY UNKNOWN \0\r\n',
  ])('refuses %j', (line) => {
    expect(read(line).type).toBe('refused');
  });
});

describe('PROXY version 2', () => {
  it('names both ends of TCP over IPv4', () => {
    expect(read(Buffer.concat([v2(0x21, 0x11, TCP4), Buffer.from('GET')]))).toMatchObject({
      type: 'proxy',
      sourceAddress: '1.2.3.4',
      sourcePort: 1234,
      destinationAddress: '5.6.7.8',
      destinationPort: 443,
      end: 28,
    });
  });

  it('names both ends of TCP over IPv6, an IPv4 address in its own form', () => {
    expect(read(v2(0x21, 0x21, TCP6))).toMatchObject({
      sourceAddress: '2001:db8::1',
      destinationAddress: '5.6.7.8',
    });
  });

  it('takes LOCAL, whatever its family and length', () => {
    expect(read(v2(0x20, 0x00, Buffer.alloc(0)))).toMatchObject({
      type: 'proxy',
      sourceAddress: '',
      end: 16,
    });
    expect(read(v2(0x20, 0x11, TCP4))).toMatchObject({ sourceAddress: '', end: 28 });
    expect(read(v2(0x20, 0xff, Buffer.alloc(3)))).toMatchObject({ sourceAddress: '', end: 19 });
  });

  it('takes an unspecified family as one without ends', () => {
    expect(read(v2(0x21, 0x00, Buffer.alloc(0)))).toMatchObject({ type: 'proxy', sourceAddress: '' });
  });

  it('reads TLS, server name and ALPN from TLVs and skips all others', () => {
    const tls = tlv(
      0x20,
      Buffer.from([0x05, 0, 0, 0, 0, ...tlv(0x21, 'TLSv1.3'), ...tlv(0x22, 'client.test')]),
    );
    const body = Buffer.concat([
      TCP4,
      tlv(0x01, 'h2'),
      tlv(0x02, 'a.test'),
      tlv(0xea, '\0\xff'),
      tls,
      tlv(0x04, ''),
    ]);
    expect(read(v2(0x21, 0x11, body))).toMatchObject({ isSecure: true, serverName: 'a.test', alpn: 'h2' });
  });

  it.each([
    ['that says nothing of TLS', Buffer.alloc(0)],
    // 0x02: a certificate on this connection; only 0x01 says that the client came over TLS.
    ['whose client came without TLS', tlv(0x20, Buffer.from([0x02, 0, 0, 0, 1]))],
    ['whose TLS is empty', tlv(0x20, '')],
  ])('%s is not secure', (_, tlvs) => {
    expect(read(v2(0x21, 0x11, Buffer.concat([TCP4, tlvs])))).toMatchObject({ isSecure: false });
  });

  it('does not tell a server name with control bytes in it', () => {
    expect(read(v2(0x21, 0x11, Buffer.concat([TCP4, tlv(0x02, 'a\nb')])))).toMatchObject({ serverName: '' });
  });

  it.each([
    ['a TLV longer than the header', v2(0x21, 0x11, Buffer.concat([TCP4, Buffer.from([1, 0, 9, 65])]))],
    ['half a TLV', v2(0x21, 0x11, Buffer.concat([TCP4, Buffer.from([1, 0])]))],
    ['too few bytes of addresses', v2(0x21, 0x11, TCP4.subarray(0, 11))],
    ['IPv6 with the length of IPv4', v2(0x21, 0x21, TCP4)],
    ['datagrams', v2(0x21, 0x12, TCP4)],
    ['UNIX sockets', v2(0x21, 0x31, Buffer.alloc(216))],
    ['version 1 in binary', v2(0x11, 0x11, TCP4)],
    ['an unknown command', v2(0x22, 0x11, TCP4)],
    ['more than 16 KiB', v2(0x21, 0x11, Buffer.alloc(0), 16_385)],
    ['another signature', Buffer.from('0d0a0d0a000d0a515549540b2111000c', 'hex')],
    ['a request behind an empty line', Buffer.from('\r\nGET / HTTP/1.1\r\n')],
  ])('refuses %s', (_what, header) => {
    expect(read(header).type).toBe('refused');
  });

  it('waits for every byte', () => {
    const header = v2(0x21, 0x21, Buffer.concat([TCP6, tlv(0x02, 'a.test')]));
    for (let end = 0; end < header.length; end++)
      expect(read(header.subarray(0, end)).type).toBe('incomplete');
  });
});

it('waits for every byte of version 1', () => {
  const header = bytes('PROXY TCP4 1.2.3.4 5.6.7.8 1234 443\r\n');
  for (let end = 0; end < header.length; end++) expect(read(header.subarray(0, end)).type).toBe('incomplete');
});

it('writes IPv6 addresses as Node does', () => {
  const addresses = [
    '::',
    '::1',
    '1::',
    '2001:db8::1:0:0:1',
    '1:0:2:0:3:0:4:5',
    'fe80::1:2:3:4',
    '0:1:0:1:0:1:0:1',
  ];
  for (const address of addresses) {
    const groups = Buffer.from(expanded(address), 'hex');
    const header = v2(0x21, 0x21, Buffer.concat([groups, Buffer.alloc(20)]));
    expect(read(header)).toMatchObject({
      sourceAddress: new URL(`http://[${address}]`).hostname.slice(1, -1),
    });
  }
});

function expanded(address: string): string {
  const [before = '', after] = address.split('::');
  const left = before === '' ? [] : before.split(':');
  const right = after === undefined || after === '' ? [] : after.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join('');
}
