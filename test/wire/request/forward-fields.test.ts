import { describe, expect, it } from 'vitest';
import {
  clientLines,
  forwardFields,
  forwardLines,
  type Hop,
  hasPassedHere,
  isRequestId,
  keptRequestId,
  parseNetworks,
  plainAddress,
  viaValue,
  writeFields,
} from '../../../src/wire/index.ts';
import { request, withLine } from '../read.ts';

const STRANGER: Hop = {
  address: '192.0.2.1',
  port: 8080,
  isSecure: false,
  isTrusted: false,
  pseudonym: 'sw-1',
  lines: clientLines({ port: 8080, isSecure: false }, '192.0.2.1'),
};
const FRIEND: Hop = { ...STRANGER, isTrusted: true };
const ID = 'testid-with-a-valid-length';

function fieldsFor(lines: string, hop: Hop): Record<string, string> {
  const head = request(withLine(lines));
  const flat = forwardFields(head, hop, ID, 1_700_000_000_123);
  expect(forwardLines(head, hop, ID, 1_700_000_000_123)).toBe(writeFields(flat));
  return Object.fromEntries(
    Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]),
  );
}

describe('forwarded fields', () => {
  it('tell the address, protocol, port, id and time', () => {
    expect(fieldsFor('A: b', STRANGER)).toEqual({
      'X-Forwarded-For': '192.0.2.1',
      'X-Forwarded-Proto': 'http',
      'X-Forwarded-Port': '8080',
      'X-Request-Id': ID,
      'X-Request-Start': '1700000000123',
      Via: '1.1 sw-1',
    });
  });

  it('replace what a stranger claims', () => {
    const fields = fieldsFor('X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https', STRANGER);
    expect(fields).toMatchObject({ 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Proto': 'http' });
  });

  it.each([
    ['nothing', '', 'http', '8080'],
    ['https', 'X-Forwarded-Proto: https', 'https', '443'],
    ['https and a port', 'X-Forwarded-Proto: HTTPS\r\nX-Forwarded-Port: 8443', 'https', '8443'],
    ['http', 'X-Forwarded-Proto: http', 'http', '8080'],
    ['a port', 'X-Forwarded-Port: 65535', 'http', '65535'],
    ['no port that there is', 'X-Forwarded-Port: 65536', 'http', '8080'],
    ['no port that is one', 'X-Forwarded-Port: 080', 'http', '8080'],
    ['no scheme of ours', 'X-Forwarded-Proto: ftp', 'http', '8080'],
    ['a list', 'X-Forwarded-Proto: https, http', 'http', '8080'],
    ['two things', 'X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https', 'http', '8080'],
  ])('tell what a trusted peer was asked, where it says %s', (_what, lines, scheme, port) => {
    expect(fieldsFor(lines === '' ? 'A: b' : lines, FRIEND)).toMatchObject({
      'X-Forwarded-Proto': scheme,
      'X-Forwarded-Port': port,
    });
  });

  it('append to what a trusted peer says, all its lines in order', () => {
    const fields = fieldsFor(
      'X-Forwarded-For: 10.0.0.1\r\nX-A: b\r\nx-forwarded-for: 10.0.0.2, 10.0.0.3',
      FRIEND,
    );
    expect(fields['X-Forwarded-For']).toBe('10.0.0.1, 10.0.0.2, 10.0.0.3, 192.0.2.1');
  });

  it('tell http and its port where a trusted peer that ended TLS was asked so itself', () => {
    expect(fieldsFor('X-Forwarded-Proto: http', { ...FRIEND, port: 443, isSecure: true })).toMatchObject({
      'X-Forwarded-Proto': 'http',
      'X-Forwarded-Port': '80',
    });
  });

  it('name in Via the version that was received', () => {
    for (const hop of [STRANGER, FRIEND]) {
      const head = request('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
      expect(forwardLines(head, hop, ID, 1)).toMatch(/\r\nVia: 1\.0 sw-1\r\n$/);
    }
  });

  it('keep Via of anybody and append to it', () => {
    expect(fieldsFor('via: happyproxy\r\nVia: 1.0 b, 1.1 c', STRANGER)['Via']).toBe(
      'happyproxy, 1.0 b, 1.1 c, 1.1 sw-1',
    );
    expect(viaValue([], 0, 'sw-1')).toBe('1.0 sw-1');
  });
});

describe('a loop', () => {
  it.each([
    ['1.1 sw-1', true],
    ['1.1 other, 1.1 sw-1 (comment)', true],
    ['1.1  sw-1', true],
    ['1.1 sw-12', false],
    ['sw-1', false],
    ['1.1 other (sw-1)', false],
    ['1.1 SW-1', false],
  ])('in Via: %s: %s', (via, expected) => {
    expect(hasPassedHere(['A', 'b', 'via', via], 'sw-1')).toBe(expected);
  });
});

describe('a request id', () => {
  it('has 20 to 200 of the allowed characters', () => {
    expect([19, 20, 200, 201].map((length) => isRequestId('a'.repeat(length)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(isRequestId('ABCXYZabcxyz0189+/=-')).toBe(true);
    for (const odd of ['?', '_', ' ', '.', ',', '@', '[', '`', '{', ':', '*', '\xe9']) {
      expect(isRequestId(`${'a'.repeat(20)}${odd}`), odd).toBe(false);
    }
  });

  it('is kept from a trusted peer only, if there is one and it is valid', () => {
    expect(keptRequestId(['x-request-id', ID], FRIEND)).toBe(ID);
    expect(keptRequestId(['X-Request-Id', ID], STRANGER)).toBe('');
    expect(keptRequestId(['X-Request-Id', 'testid??'], FRIEND)).toBe('');
    expect(keptRequestId(['X-Request-Id', ID, 'X-Request-Id', ID], FRIEND)).toBe('');
    expect(keptRequestId([], FRIEND)).toBe('');
  });
});

describe('trusted networks', () => {
  const networks = parseNetworks(['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '::1/128']);

  it.each([
    ['10.255.255.255', true],
    ['11.0.0.0', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['::ffff:10.1.2.3', true],
    ['::ffff:11.1.2.3', false],
    ['fd12::1', true],
    ['fe80::1', false],
    ['::1', true],
    ['', false],
    ['localhost', false],
  ])('include %s: %s', (address, expected) => {
    expect(networks.ok && networks.value.includes(address)).toBe(expected);
  });

  it('are nobody when none is named', () => {
    const none = parseNetworks([]);
    expect(none.ok && ['127.0.0.1', '::1', ''].map((address) => none.value.includes(address))).toEqual([
      false,
      false,
      false,
    ]);
  });

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0/8',
    'fd00::/129',
    'example.com',
    '',
    'fe80::1%eth0/64',
    '10.0.0.0/-1',
  ])('cannot be %j', (entry) => {
    expect(parseNetworks(['::1', entry])).toMatchObject({
      ok: false,
      problem: expect.stringContaining(JSON.stringify(entry)),
    });
  });

  it('see an IPv4 peer of a dual-stack socket as what it is', () => {
    expect(plainAddress('::ffff:1.2.3.4')).toBe('1.2.3.4');
    expect(plainAddress('::ffff:abcd')).toBe('::ffff:abcd');
  });
});
