/** vegur-parity.md, 7j, 7k and 7l: connections that are kept, and connections that become pipes. */
import { describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import type { BackendConnection } from '../support/scripted-backend.ts';
import { ok } from '../support/scripted-backend.ts';
import {
  begun,
  between,
  CHUNKS,
  chunkedAnswer,
  chunkedPost,
  type Exchange,
  exchange,
  getWith,
  OK43,
  postWith,
  SWITCH,
} from './parity.ts';

const GET = getWith('');
const said = (connection: string): string => (connection === '' ? '' : `Connection: ${connection}\r\n`);

describe('connections, by what client and backend say of them', () => {
  it.each([
    ['unlike case 138 close, close', 'close', 'close'],
    ['unlike case 139 keep-alive, keep-alive', 'keep-alive', 'keep-alive'],
    ['unlike case 140 nothing, nothing', '', ''],
    ['unlike case 141 close, keep-alive', 'close', 'keep-alive'],
    ['unlike case 142 keep-alive, close', 'keep-alive', 'close'],
    ['unlike case 143 close, close', 'close', 'close'],
    ['case 144 keep-alive, keep-alive', 'keep-alive', 'keep-alive'],
    ['case 145 nothing, nothing', '', ''],
    ['unlike case 146 close, keep-alive', 'close', 'keep-alive'],
    ['case 147 keep-alive, close', 'keep-alive', 'close'],
  ])('%s: each side is kept as that side wishes', async (_case, client, backend) => {
    const answer = ok('x', ...(backend === '' ? [] : [`Connection: ${backend}`]));
    const all = await exchange(getWith(said(client)), answer);
    expect(all.request?.headers.get('connection')).toBe('keep-alive');
    const ends = client === 'close';
    expect(all.response.headers.get('connection')).toBe(ends ? 'close' : 'keep-alive');
    if (ends) await all.client.ends();
    const next = ends ? await all.router.connect() : all.client;
    expect((await next.request(GET)).status).toBe(200);
    expect(all.backend.connections.length).toBe(backend === 'close' ? 2 : 1);
    if (backend === 'close') await all.backend.connections[0]?.ends();
  });

  it('case 149 HTTP/1.0 with keep-alive: two requests over one connection', async () => {
    const { client, backend } = await between(() => OK43);
    for (let i = 0; i < 2; i++)
      await client.request('GET / HTTP/1.0\r\nHost: app.test\r\nConnection: keep-alive\r\n\r\n');
    expect(backend.connections.length).toBe(1);
    expect(backend.requests.length).toBe(2);
  });

  it.each([
    ['case 150 chunks', chunkedPost(CHUNKS), chunkedAnswer(CHUNKS)],
    ['case 152 large bodies', postWith('Content-Length: 8000\r\n') + 'x'.repeat(8000), ok('y'.repeat(8000))],
  ])('%s go twice over one pair of connections', async (_case, sent, answer) => {
    const { client, backend } = await between(() => answer);
    for (let i = 0; i < 2; i++)
      expect((await client.request(sent)).raw).toContain(answer.split('\r\n\r\n')[1]);
    expect(backend.connections.length).toBe(1);
    expect(backend.requests.length).toBe(2);
  });

  it('case 151 a body that ends with the connection arrives whole, and then the end', async () => {
    const { client, connection } = await begun(getWith('Connection: keep-alive\r\n'));
    connection.send('HTTP/1.1 200 OK\r\n\r\nall of it').end();
    await client.ends();
    expect(client.received.endsWith('\r\n\r\nall of it')).toBe(true);
  });
});

type Switched = Exchange & { readonly connection: BackendConnection };

async function switched(wish = {}): Promise<Switched> {
  const all = await begun(getWith('Connection: Upgrade\r\nUpgrade: websocket\r\n'), wish);
  all.connection.send(SWITCH);
  expect((await all.client.response()).status).toBe(101);
  return all;
}

describe('an upgrade', () => {
  it('case 153 ends for the client when the backend closes', async () => {
    const { client, connection } = await switched();
    connection.close();
    await client.ends();
  });

  it('case 154 ends for the backend when the client closes', async () => {
    const { client, connection } = await switched();
    client.close();
    await connection.ends();
  });

  it('case 156 to nothing is refused', async () => {
    const { response, backend } = await exchange(getWith('connection: upgrade\r\n'));
    expect(response.status).toBe(400);
    expect(backend.requests.length).toBe(0);
  });

  it('case 157 may be asked for among options parted by blanks', async () => {
    const { head } = await begun(getWith('Connection: Upgrade Keep-Alive\r\nUpgrade: WebSocket\r\n'));
    expect(head).toContain('\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n');
  });

  it('case 158 carries the frames of WebSocket', async () => {
    const { client, connection } = await switched();
    const frame = '\x81\x85\x01\x02\x03\x04igohn';
    client.send(frame);
    await connection.receives(frame);
    connection.send('\x81\x05hello');
    await client.receives('\x81\x05hello');
  });

  it('case 159 that the backend declines is an ordinary exchange', async () => {
    const { response, client } = await exchange(
      getWith('Connection: Upgrade\r\nUpgrade: websocket\r\n'),
      ok('no'),
    );
    expect(response).toMatchObject({ status: 200, body: 'no', complete: true });
    expect((await client.request(GET)).status).toBe(200);
  });

  it('case 160 with bytes behind the 101 loses none of them', async () => {
    const { client, connection } = await begun(getWith('Connection: Upgrade\r\nUpgrade: websocket\r\n'));
    connection.send(`${SWITCH}\x81\x05hello`);
    await client.receives('\x81\x05hello');
  });
});

describe('a pipe', () => {
  it('case 161 keeps the order of bytes both ways, and ends at both ends', async () => {
    const { client, connection, router } = await switched();
    const numbers = Array.from({ length: 2000 }, (_, i) => `${i};`);
    for (const number of numbers) {
      client.send(number);
      connection.send(number);
    }
    await connection.receives(numbers.join(''));
    await client.receives(numbers.join(''));
    client.close();
    await connection.ends();
    connection.close();
    await eventually(() => router.isQuiet, 'the lease given back');
  });

  it('unlike case 162 may be ended by one side while the other still speaks', async () => {
    const { client, connection } = await switched();
    client.end();
    await connection.until(() => connection.ended, 'the end of what the client says');
    connection.send('one more thing');
    await client.receives('one more thing');
    connection.end();
    await client.ends();
  });

  it('case 163 in which nothing moves ends at both ends', async () => {
    const { client, connection } = await switched({ pool: { timeouts: { idleMs: 60 } } });
    await client.ends();
    await connection.ends();
    await pause(5);
  });
});
