/** vegur-parity.md, 7e and 7p: what the router tells a backend about the client, and the PROXY protocol. */
import { describe, expect, it } from 'vitest';
import type { PlaneWish } from '../support/plane-under-test.ts';
import { backendThat, deadPort, routerOver } from '../support/routed.ts';
import { between, exchange, getWith, OK43 } from './parity.ts';

const TRUSTING = { listener: { trustForwarded: ['127.0.0.0/8'] } };
const VALID_ID = 'testid-with-a-valid-length';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

async function told(lines: string, name: string, wish: PlaneWish = {}): Promise<string | undefined> {
  const { request } = await exchange(getWith(lines), OK43, wish);
  return request?.headers.get(name);
}

describe('a request id', () => {
  it('case 70 is made where there is none', async () => {
    expect(await told('', 'x-request-id')).toMatch(UUID);
  });

  it('case 71 of a peer that is trusted is kept', async () => {
    expect(await told(`X-Request-Id: ${VALID_ID}\r\n`, 'x-request-id', TRUSTING)).toBe(VALID_ID);
  });

  it('beside case 71 of anyone else is replaced', async () => {
    expect(await told(`X-Request-Id: ${VALID_ID}\r\n`, 'x-request-id')).toMatch(UUID);
  });

  it('case 72 that is none is replaced', async () => {
    expect(await told('X-Request-Id: testid??\r\n', 'x-request-id', TRUSTING)).toMatch(UUID);
  });
});

describe('who the client is', () => {
  it('case 73 is its address', async () => {
    expect(await told('', 'x-forwarded-for')).toBe('127.0.0.1');
  });

  it('case 74 is appended to what a trusted peer says', async () => {
    expect(await told('X-Forwarded-For: 10.0.0.1\r\n', 'x-forwarded-for', TRUSTING)).toBe(
      '10.0.0.1, 127.0.0.1',
    );
  });

  it('beside case 74 replaces what anyone else says', async () => {
    expect(await told('X-Forwarded-For: 10.0.0.1\r\n', 'x-forwarded-for')).toBe('127.0.0.1');
  });

  it('unlike case 75 came to the port it came to, by http', async () => {
    const { request, router } = await exchange(getWith(''));
    expect(request?.headers.get('x-forwarded-port')).toBe(`${router.port}`);
    expect(request?.headers.get('x-forwarded-proto')).toBe('http');
  });

  it('unlike case 76 is not told from the port in Host', async () => {
    const { request, router } = await exchange('GET / HTTP/1.1\r\nHost: app.test:443\r\n\r\n');
    expect(request?.headers.get('x-forwarded-port')).toBe(`${router.port}`);
    expect(request?.headers.get('x-forwarded-proto')).toBe('http');
  });

  it('unlike case 77 says nothing of its own port', async () => {
    const { client, backend } = await between(() => OK43, { listener: { proxyProtocol: true } });
    client.send('PROXY TCP4 1.2.3.4 5.6.7.8 1234 443\r\n');
    await client.request(getWith(''));
    expect(backend.requests[0]?.headers.has('x-forwarded-peer-port')).toBe(false);
  });
});

describe('when and where', () => {
  it('case 78 X-Request-Start says when, in milliseconds', async () => {
    // By the router's clock: that of the wall may be set meanwhile.
    const now = () => performance.timeOrigin + performance.now();
    const before = now();
    const start = Number(await told('', 'x-request-start'));
    expect(Number.isInteger(start)).toBe(true);
    expect(start).toBeGreaterThanOrEqual(before - 5);
    expect(start).toBeLessThanOrEqual(now() + 5);
  });

  it.each([
    ['unlike case 79 Connect-Time is not said', 'connect-time'],
    ['unlike case 80 Total-Route-Time is not said', 'total-route-time'],
  ])('%s', async (_case, name) => {
    expect(await told('', name)).toBeUndefined();
  });

  it('case 81 fields the domain adds replace those of the client', async () => {
    const { request } = await exchange(getWith('instance-name: forged\r\nX-Other: 1\r\n'), OK43, {
      features: {
        requestFields: ['Instance-Name', 'web.1', 'Connect-Time', '3'],
        requestNames: new Set(['instance-name', 'connect-time']),
      },
    });
    expect(request?.headers.get('instance-name')).toBe('web.1');
    expect(request?.headers.get('connect-time')).toBe('3');
    expect(request?.headers.get('x-other')).toBe('1');
  });

  it('case 82 Via keeps what it does not understand', async () => {
    expect(await told('via: happyproxy\r\n', 'via')).toBe('happyproxy, 1.1 switchyard-test');
  });
});

describe('a backend that does not listen', () => {
  it('case 83 is passed over, and the client notices nothing', async () => {
    const live = await backendThat(() => 'HTTP/1.1 204 No Content\r\n\r\n');
    const router = await routerOver({
      backends: { 'web.1': { port: await deadPort() }, 'web.2': { port: live.port } },
    });
    for (let i = 0; i < 4; i++) {
      const client = await router.connect();
      expect((await client.request(getWith(''))).status).toBe(204);
    }
  });

  it('case 84 nor any other: 503', async () => {
    const router = await routerOver({ backends: { 'web.1': { port: await deadPort() } } });
    const client = await router.connect();
    const response = await client.request(getWith(''));
    expect(response.status).toBe(503);
    expect(response.body).toContain('H21');
  });
});

const V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** Version 2: the command and the family with its transport as one byte each, then what they announce. */
function v2(
  command: number,
  family: number,
  addresses: Uint8Array,
  tlvs: Uint8Array = new Uint8Array(),
): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(addresses.length + tlvs.length);
  return Buffer.concat([V2, Buffer.from([0x20 | command, family]), length, addresses, tlvs]);
}

const V4_ADDRESSES = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 0x04, 0xd2, 0x01, 0xbb]);
const V6_ADDRESSES = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('20010db8000000000000000000000002', 'hex'),
  Buffer.from([0x04, 0xd2, 0x01, 0xbb]),
]);

function tlv(type: number, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([type, bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** PP2_TYPE_SSL with the version and the common name inside, and the authority beside it. */
const TLS = Buffer.concat([
  tlv(0x20, Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), tlv(0x21, 'TLSv1.3'), tlv(0x22, 'client')])),
  tlv(0x02, 'app.test'),
]);

describe('the PROXY protocol', () => {
  it.each([
    [
      'case 188 in version 1',
      Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1234 443\r\n'),
      '1.2.3.4',
      '443',
      'https',
    ],
    ['case 190 in version 2, with TLS fields', v2(1, 0x11, V4_ADDRESSES, TLS), '1.2.3.4', '443', 'https'],
    ['case 191 in version 2 over IPv6', v2(1, 0x21, V6_ADDRESSES), '2001:db8::1', '443', 'https'],
  ])('%s says who the client is', async (_case, header, address, port, proto) => {
    const { client, backend } = await between(() => OK43, { listener: { proxyProtocol: true } });
    client.send(header);
    expect((await client.request(getWith(''))).status).toBe(200);
    const headers = backend.requests[0]?.headers;
    expect(headers?.get('x-forwarded-for')).toBe(address);
    expect(headers?.get('x-forwarded-port')).toBe(port);
    expect(headers?.get('x-forwarded-proto')).toBe(proto);
  });

  it('case 191 in version 2, LOCAL, says nothing: the peer is the client', async () => {
    const { client, backend } = await between(() => OK43, { listener: { proxyProtocol: true } });
    client.send(v2(0, 0, new Uint8Array()));
    expect((await client.request(getWith(''))).status).toBe(200);
    expect(backend.requests[0]?.headers.get('x-forwarded-for')).toBe('127.0.0.1');
  });

  it('case 189 where it is wanted and missing: closed without a word', async () => {
    const { client, backend } = await between(() => OK43, { listener: { proxyProtocol: true } });
    client.send(getWith(''));
    await client.ends();
    expect(client.total).toBe('');
    expect(backend.connections.length).toBe(0);
  });
});
