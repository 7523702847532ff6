/** vegur-parity.md, 7a and 7b: what a client may ask for. Differences are in docs/http-behaviour.md. */
import { describe, expect, it } from 'vitest';
import { pause } from '../support/eventually.ts';
import { standingClock } from '../support/standing-clock.ts';
import { between, CHUNKS, chunkedPost, exchange, getWith, H, OK43, postWith } from './parity.ts';

const GET = getWith('');

describe('a request is refused, and no backend hears of it', () => {
  it.each([
    ['case 1 no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['case 2 an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 400],
    ['case 3 an absolute target without Host in HTTP/1.0', 'GET http://app.test/ HTTP/1.0\r\n\r\n', 400],
    ['case 4 two equal Hosts', postWith(`Content-Length: 10\r\n${H}`), 400],
    ['case 5 two different Hosts', postWith('Content-Length: 10\r\nHost: b.test\r\n'), 400],
    ['case 6 10 000 letters in the target', `GET /${'x'.repeat(10_000)} HTTP/1.1\r\n${H}\r\n`, 414],
    ['unlike case 7 8200 letters in the target', `GET /${'x'.repeat(8200)} HTTP/1.1\r\n${H}\r\n`, 414],
    ['unlike case 8 a name of 2100 letters', getWith(`${'n'.repeat(2100)}: v\r\n`), 431],
    ['unlike case 10 a value of 9100 bytes', getWith(`h: ${'v'.repeat(9100)}\r\n`), 431],
    ['unlike case 12 1101 fields', getWith('a: b\r\n'.repeat(1100)), 431],
    ['unlike case 13 1001 fields', getWith(`Connection: close\r\n${'a: b\r\n'.repeat(999)}`), 431],
    ['case 14 CONNECT', 'CONNECT http://example.com:80 HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['case 15 HTTP/2.0', `GET / HTTP/2.0\r\n${H}\r\n`, 505],
    ['case 16 a bare LF first', `\n${GET}`, 400],
    ['case 17 six empty lines', `${'\r\n'.repeat(6)}${GET}`, 400],
    ['case 20 a port that is none', 'GET / HTTP/1.1\r\nHost: app.test:abc\r\n\r\n', 400],
    [
      'unlike case 21 an absolute target of another host',
      `GET http://other.test/p HTTP/1.1\r\n${H}\r\n`,
      400,
    ],
    ['unlike case 22 a fragment', `GET /?test=foo&bar=car#fragment HTTP/1.1\r\n${H}\r\n`, 400],
    ['case 24 lengths that differ', postWith('Content-Length: 5\r\nContent-Length: 11\r\n'), 400],
    ['case 25 a list of lengths', postWith('Content-Length: 10,10\r\n'), 400],
    ['case 30 a coding that is a comma', postWith('Transfer-Encoding: ,\r\n'), 400],
    ['case 31 a length in letters', postWith('Content-Length: ten\r\n'), 400],
    ['unlike case 32 a length beside chunked', chunkedPost(CHUNKS, 'Content-Length: 10\r\n'), 400],
  ])('%s', async (_case, sent, status) => {
    const { backend, client, response } = await exchange(sent);
    expect(response.status).toBe(status);
    await client.ends();
    expect(backend.connections.length).toBe(0);
  });
});

describe('a request is served', () => {
  it.each([
    ['case 9 a name of 1000 letters', getWith(`${'n'.repeat(1000)}: v\r\n`)],
    ['case 11 a value of 8192 bytes', getWith(`h: ${'v'.repeat(8192)}\r\n`)],
    ['beside case 13 1000 fields', getWith('a: b\r\n'.repeat(999))],
    ['case 17 five empty lines', `${'\r\n'.repeat(5)}${GET}`],
  ])('%s', async (_case, sent) => {
    const { response, backend } = await exchange(sent);
    expect(response.status).toBe(200);
    expect(backend.requests.length).toBe(1);
  });

  it('beside case 7 a request line of 8192 bytes', async () => {
    const line = `GET /${'x'.repeat(8192 - 'GET / HTTP/1.1'.length)} HTTP/1.1`;
    expect((await exchange(`${line}\r\n${H}\r\n`)).response.status).toBe(200);
    expect((await exchange(`${line.replace('xx', 'xxx')}\r\n${H}\r\n`)).response.status).toBe(414);
  });

  it('beside case 21 an absolute target of the same host is its path', async () => {
    const { request } = await exchange(`GET http://app.test/p?q=1 HTTP/1.1\r\n${H}\r\n`);
    expect(request).toMatchObject({ target: '/p?q=1' });
    expect(request?.headers.get('host')).toBe('app.test');
  });

  it('beside case 22 a query reaches the backend as it is', async () => {
    const { request } = await exchange(`GET /?test=foo&bar=car&%7e%7E=%00 HTTP/1.1\r\n${H}\r\n`);
    expect(request?.target).toBe('/?test=foo&bar=car&%7e%7E=%00');
  });

  it('case 23 Host reaches the backend', async () => {
    const { request } = await exchange('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', OK43, {
      domain: 'localhost',
    });
    expect(request?.raw).toContain('\r\nHost: localhost\r\n');
  });
});

describe('a client that is slow', () => {
  const QUICK = { listener: { timeouts: { headersMs: 60, keepAliveMs: 60 } } };

  it('case 18 to say anything is closed without a word', async () => {
    const { client } = await between(undefined, QUICK);
    await client.ends();
    expect(client.total).toBe('');
  });

  it('case 19 within its header fields gets 408', async () => {
    const clock = standingClock();
    const { client, backend } = await between(undefined, { ...QUICK, now: clock.now });
    client.send(`GET / HTTP/1.1\r\n${H}X-Half:`);
    await pause(20);
    clock.start();
    expect((await client.response()).status).toBe(408);
    await client.ends();
    expect(backend.connections.length).toBe(0);
  });
});

describe('a length', () => {
  it('case 26 said twice alike is said once to the backend', async () => {
    const { request } = await exchange(
      `${postWith('content-length: 10\r\ncontent-length: 10\r\n')}0123456789`,
    );
    expect(request?.headers.get('content-length')).toBe('10');
    expect(request?.body).toBe('0123456789');
  });

  it('case 27 of a GET reaches the backend with the body', async () => {
    const { request } = await exchange(`${getWith('Content-Length: 15\r\n')}fifteen letters`);
    expect(request?.headers.get('content-length')).toBe('15');
    expect(request?.body).toBe('fifteen letters');
  });

  it('case 28 is not made up for a GET without body', async () => {
    const { request } = await exchange(GET);
    expect(request?.headers.has('content-length')).toBe(false);
  });

  it('case 29 of a POST without body is zero', async () => {
    const { request } = await exchange(postWith(''));
    expect(request?.headers.get('content-length')).toBe('0');
  });
});
