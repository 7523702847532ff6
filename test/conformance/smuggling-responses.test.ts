/**
 * The response side of smuggling: whatever a backend sends for one request, the client gets at most one answer from
 * it, and no byte of it reaches anybody else, over whichever of the shared connections.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import { PlaneUnderTest } from '../support/plane-under-test.ts';
import type { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedBackend } from '../support/scripted-backend.ts';

let router: PlaneUnderTest;
let backend: ScriptedBackend;
let says = '';
let later = '';
let hasSaidLater = false;
let victims = 0;

beforeAll(async () => {
  backend = await ScriptedBackend.listen(({ target }, connection) => {
    if (!target.startsWith('/attack')) return ok(`for ${target}`);
    if (later !== '')
      setTimeout(() => {
        connection.send(later);
        hasSaidLater = true;
      }, 4);
    return says;
  });
  router = await PlaneUnderTest.start({
    backends: { 'web.1': { port: backend.port } },
    pool: { timeouts: { firstByteMs: 1000, idleMs: 1000, abortLingerMs: 20 } },
  });
});

afterAll(async () => {
  await router.close();
  await backend.close();
});

const OK = 'HTTP/1.1 200 OK\r\n';
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';

/**
 * One request to the backend that misbehaves, while clients of good will come before, during and after. What comes
 * later comes on an idle connection: to bytes that cross the next request on their way nobody could tell its answer.
 */
async function survives(method = 'GET'): Promise<{ status: number; body: string; complete: boolean }> {
  await goodClients();
  hasSaidLater = false;
  const client = await router.connect();
  const answered = client.request(`${method} /attack HTTP/1.1\r\nHost: app.test\r\n\r\n`);
  if (later === '') await goodClients();
  const response = await answered;
  if (later !== '') await eventually(() => hasSaidLater, 'what the backend says later');
  await pause(8);
  if (response.status >= 200) await nextIsItsOwn(client, response.complete);
  client.close();
  await goodClients();
  await eventually(() => router.isQuiet, 'every lease given back');
  return response;
}

/** On the connection of that client the next answer is the next one's, or there is none. */
async function nextIsItsOwn(client: RawClient, isComplete: boolean): Promise<void> {
  expect(client.received).toBe('');
  if (!isComplete || client.over) return;
  client.send('GET /next HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until(
    () => client.received.includes('for /next') || client.over,
    'the next answer or the end',
  );
  if (client.received !== '') expect((await client.response()).body).toBe('for /next');
  expect(client.received).toBe('');
}

async function goodClients(): Promise<void> {
  await Promise.all(
    [1, 2, 3].map(async () => {
      const client = await router.connect();
      const target = `/victim-${victims++}`;
      const response = await client.request(`GET ${target} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
      expect(response).toMatchObject({ status: 200, body: `for ${target}` });
      expect(client.received).toBe('');
      client.close();
    }),
  );
}

describe('bytes behind an answer reach nobody', () => {
  it.each([
    ['behind a length', 'GET', `${OK}Content-Length: 2\r\n\r\nab`, 'ab'],
    ['behind the last chunk', 'GET', `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`, 'ab'],
    ['behind an answer to HEAD', 'HEAD', `${OK}Content-Length: 2\r\n\r\n`, ''],
    ['behind a chunked answer to HEAD', 'HEAD', `${OK}Transfer-Encoding: chunked\r\n\r\n`, ''],
    ['behind a 204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
    ['behind a 304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 40\r\n\r\n', ''],
    ['behind a length of zero', 'GET', `${OK}Content-Length: 0\r\n\r\n`, ''],
  ])('%s, at once and later', async (_where, method, answer, body) => {
    for (const surplus of [EVIL, 'x', '\r\n', 'HTTP/1.1 100 Continue\r\n\r\n', '0\r\n\r\n']) {
      [says, later] = [answer + surplus, ''];
      expect(await survives(method)).toMatchObject({ body, complete: true });
      [says, later] = [answer, surplus];
      expect(await survives(method)).toMatchObject({ body, complete: true });
    }
  });
});

describe('an answer that is none, or two, is refused', () => {
  it.each([
    [
      'a length beside chunked',
      `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${EVIL}`,
    ],
    [
      'chunked beside a length',
      `${OK}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n${EVIL}`,
    ],
    ['lengths that differ', `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc${EVIL}`],
    ['a list of lengths', `${OK}Content-Length: 2, 2\r\n\r\nab${EVIL}`],
    ['a length with a sign', `${OK}Content-Length: +2\r\n\r\nab${EVIL}`],
    ['a hidden length', `${OK}Content-Length : 2\r\n\r\nab${EVIL}`],
    ['a length behind a bare LF', `${OK}X: y\nContent-Length: 0\r\n\r\n${EVIL}`],
    ['a length behind a bare CR', `${OK}X: y\rContent-Length: 0\r\n\r\n${EVIL}`],
    ['a folded coding', `${OK}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${EVIL}`],
    ['a coding behind a vertical tab', `${OK}Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n${EVIL}`],
    ['another coding', `${OK}Transfer-Encoding: gzip\r\n\r\n${EVIL}`],
    ['chunked twice', `${OK}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n${EVIL}`],
    ['a coding in HTTP/1.0', `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${EVIL}`],
    ['a head of bare LFs', `HTTP/1.1 200 OK\nContent-Length: 0\n\n${EVIL}`],
    ['an empty line before it', `\r\n${EVIL}`],
    ['a body without a head', 'evil\r\n\r\n'],
    ['no HTTP', '\x16\x03\x01\0\0\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status of four digits', `HTTP/1.1 2000 OK\r\n\r\n${EVIL}`],
    ['a status below 100', `HTTP/1.1 099 No\r\n\r\n${EVIL}`],
    ['a version nobody has', `HTTP/1.2.3 200 OK\r\n\r\n${EVIL}`],
    ['two blanks before the status', `HTTP/1.1  200 OK\r\n\r\n${EVIL}`],
    ['a phrase with a NUL', `HTTP/1.1 200 O\0K\r\n\r\n${EVIL}`],
    ['a phrase with a CR', `HTTP/1.1 200 O\rK\r\n\r\n${EVIL}`],
    ['a cookie with a line in it', `${OK}Set-Cookie: a=b\n\n${EVIL}`],
    ['a field without a colon', `${OK}Set-Cookie\r\n\r\n${EVIL}`],
    [
      'a 101 nobody asked for',
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n${EVIL}`,
    ],
    ['an interim answer with a body', `HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\nabc${EVIL}`],
  ])('%s', async (what, answer) => {
    [says, later] = [answer, ''];
    const { status, body, complete } = await survives();
    if (what.startsWith('an interim')) {
      expect(status).toBe(103);
      return;
    }
    expect(status).toBeGreaterThanOrEqual(502);
    expect(complete).toBe(true);
    expect(body).not.toContain('evil');
  });
});

describe('an answer that goes wrong behind its head is cut', () => {
  it.each([
    ['a chunk longer than its size', '3\r\nabcd\r\n0\r\n\r\n'],
    ['a size that overflows', '10000000000000002\r\nab\r\n0\r\n\r\n'],
    ['a size and a bare LF', '2\nab\r\n0\r\n\r\n'],
    ['a trailer that is none', '0\r\nSet-Cookie\r\n\r\n'],
    ['a length in trailers', `0\r\nContent-Length: 5\r\n\r\n`],
    ['more behind the last chunk', '0\r\n2\r\nab\r\n0\r\n\r\n'],
  ])('%s', async (_what, chunks) => {
    [says, later] = [`${OK}Transfer-Encoding: chunked\r\n\r\n${chunks}${EVIL}`, ''];
    const { complete, body } = await survives();
    expect(complete).toBe(false);
    expect(body).not.toContain('evil');
  });
});

it('a connection serves more than a hundred requests', async () => {
  const client = await router.connect();
  for (let i = 0; i < 150; i++) {
    const response = await client.request(`GET /${i} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    expect(response.body).toBe(`for /${i}`);
  }
  client.close();
});
