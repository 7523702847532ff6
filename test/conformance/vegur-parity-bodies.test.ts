/** vegur-parity.md, 7i and 7m: large bodies, early answers, and silence. */
import { describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import type { PlaneWish } from '../support/plane-under-test.ts';
import type { RawClient } from '../support/raw-client.ts';
import { ok } from '../support/scripted-backend.ts';
import { answerWith, begun, between, chunkedPost, exchange, getWith, postWith } from './parity.ts';

const GET = getWith('');
const BODY = 'y'.repeat(8000);

describe('a body of 8000 bytes each way', () => {
  it.each([
    ['case 128 arrives whole, and the client stays', '', 'keep-alive'],
    ['case 129 arrives whole, and the client is closed where it says so', 'Connection: close\r\n', 'close'],
  ])('%s', async (_case, lines, connection) => {
    const sent = postWith(`Content-Length: 8000\r\n${lines}`) + BODY;
    const { request, response, client } = await exchange(sent, ok(BODY));
    expect(request?.body).toBe(BODY);
    expect(response).toMatchObject({ body: BODY, complete: true });
    expect(response.headers.get('connection')).toBe(connection);
    if (connection === 'close') await client.ends();
    else expect((await client.request(GET)).status).toBe(200);
  });

  it('case 130 that ends with the connection arrives whole, and then the end', async () => {
    const { client, connection } = await begun(GET);
    connection.send(answerWith('', BODY)).end();
    await client.ends();
    expect(client.received.endsWith(`\r\n\r\n${BODY}`)).toBe(true);
  });
});

describe('an early answer to an upload that goes on', () => {
  it.each([
    ['case 131 a 304 to a known length', postWith('Content-Length: 16000\r\n') + BODY, 'x'],
    ['case 132 a 304 to chunks without end', chunkedPost(`1f40\r\n${BODY}\r\n`), '1\r\nx\r\n'],
  ])('%s arrives, and then the end', async (_case, sent, more) => {
    const { client, connection } = await begun(sent);
    await connection.receives(BODY);
    connection.send('HTTP/1.1 304 Not Modified\r\n\r\n').close();
    const trickle = setInterval(() => client.send(more), 5);
    try {
      expect((await client.response()).status).toBe(304);
      await client.ends();
    } finally {
      clearInterval(trickle);
    }
  });

  it.each([
    ['case 133 of 30 000 bytes arrives whole', 30_000],
    ['case 134 of 80 000 bytes arrives whole, too', 80_000],
  ])('%s, and then the end', async (_case, length) => {
    const { client, connection } = await begun(postWith('Content-Length: 16000\r\n') + BODY);
    await connection.receives(BODY);
    connection.send(answerWith('Connection: close\r\n', 'z'.repeat(length))).end();
    const trickle = setInterval(() => client.send('x'), 5);
    try {
      await client.ends();
    } finally {
      clearInterval(trickle);
    }
    expect(client.received).toMatch(/^HTTP\/1\.1 200 /);
    expect(client.received.split('\r\n\r\n')[1]?.length).toBe(length);
  });
});

describe('an answer that ends too soon', () => {
  it.each([
    ['unlike case 135 500 of 1000 bytes', 1000],
    ['case 136 500 of 100 000 bytes', 100_000],
  ])('%s: what came, and the end', async (_case, length) => {
    const { client, connection } = await begun(GET);
    connection.send(answerWith(`Content-Length: ${length}\r\n`, 'z'.repeat(500))).end();
    const response = await client.response();
    expect(response).toMatchObject({ status: 200, complete: false });
    expect(response.body).toBe('z'.repeat(500));
  });

  it('case 137 for a client that leaves: the backend is closed soon after', async () => {
    const { client, connection, router } = await begun(GET, { accessLog: 'logfmt' });
    const endless = setInterval(() => connection.send('z'.repeat(65_536)), 5);
    try {
      connection.send(answerWith('Content-Length: 1000000000\r\n'));
      await client.receives('zzzz');
      client.close();
      await connection.ends();
    } finally {
      clearInterval(endless);
    }
    await eventually(() => router.log.includes('code=H27'), 'a line with H27');
  });
});

/** Waits for the end of the exchange, and says how long it took and what the log said. */
async function silence(
  wish: PlaneWish,
  sent: string,
  start: string,
): Promise<{ client: RawClient; log: string; tookMs: number }> {
  const { client, connection, router } = await begun(sent, { ...wish, accessLog: 'logfmt' });
  const before = performance.now();
  if (start !== '') connection.send(start);
  await client.until(() => client.received !== '' || client.over, 'an answer or the end');
  const tookMs = performance.now() - before;
  await eventually(() => router.log !== '', 'a line');
  return { client, log: router.log, tookMs };
}

describe('silence', () => {
  it('case 164 before the first byte ends when the time for that is over', async () => {
    const { client, log, tookMs } = await silence({ pool: { timeouts: { firstByteMs: 50 } } }, GET, '');
    expect(await client.response()).toMatchObject({ status: 503 });
    expect(log).toContain('code=H12');
    expect(tookMs).toBeLessThan(15_000);
  });

  it('case 165 within a head ends when the time for idling is over, however long the first may take', async () => {
    const wish = { pool: { timeouts: { idleMs: 50, firstByteMs: 30_000 } } };
    const { client, log, tookMs } = await silence(wish, GET, 'HTTP/1.1 200 O');
    expect(await client.response()).toMatchObject({ status: 503 });
    expect(log).toContain('code=H15');
    expect(tookMs).toBeLessThan(15_000);
  });

  it('case 166 of the backend is 503 after 30 s where nothing else is set', async () => {
    const { router } = await between();
    expect(router.pool.settings.timeouts.firstByteMs).toBe(30_000);
    const { client } = await silence({ pool: { timeouts: { firstByteMs: 60 } } }, GET, '');
    expect((await client.response()).status).toBe(503);
  });

  it('case 167 of the client within its body is its own fault, after 55 s where nothing else is set', async () => {
    const { router } = await between();
    expect(router.pool.settings.timeouts.idleMs).toBe(55_000);
    const wish = { listener: { timeouts: { bodyIdleMs: 60 } } };
    const { client, log } = await silence(wish, `${postWith('Content-Length: 10\r\n')}12345`, '');
    await client.ends();
    expect(log).toContain('code=H28');
    await pause(5);
  });
});
