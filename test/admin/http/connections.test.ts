/** Who gets in where many are connected already. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Connections } from '../../../src/admin/http/connections.ts';
import { parseHostPort } from '../../../src/config/index.ts';
import { eventually, pause } from '../../support/eventually.ts';
import { RawClient } from '../../support/raw-client.ts';
import { scene } from '../scene.ts';

const PROBE = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
// A body that never comes to its end; that it is waited for is told.
const HALF =
  'PUT /v1/pools/web HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n{';

async function connected(address: string): Promise<Socket> {
  const { host, port } = parseHostPort(address)!;
  const socket = connect(port, host).on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** One after the other, each with what it says at once. */
async function crowd(address: string, size: number, says: string): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  for (let n = 0; n < size; n += 1) {
    const socket = await connected(address);
    socket.write(says);
    // Who is not heard yet may have to make room for the next.
    if (says !== '') await once(socket, 'data');
    sockets.push(socket);
  }
  return sockets;
}

describe('a house full of connections', () => {
  it.each([
    ['that never said anything', ''],
    ['kept after their answer', PROBE],
  ])('of those %s lets in who comes', async (_, says) => {
    await using s = await scene();
    const sockets = await crowd(s.address, 260, says);
    for (const socket of sockets) socket.resume();
    expect((await s.client.get('/v1/pools')).status).toBe(200);
    await eventually(() => sockets[0]?.destroyed === true, 'the one that waited for longest to be let go');
    expect(sockets.filter(({ destroyed }) => destroyed).length).toBeLessThan(20);
    for (const socket of sockets) socket.destroy();
  });

  it('of which some are at work and others have gone lets in who comes', async () => {
    await using s = await scene();
    for (const socket of await crowd(s.address, 256, '')) socket.destroy();
    const busy = await crowd(s.address, 200, HALF);
    const silent = await crowd(s.address, 120, '');
    for (const socket of silent) socket.resume();
    expect((await s.client.get('/v1/pools')).status).toBe(200);
    await eventually(() => silent[0]?.destroyed === true, 'the one that waited for longest to be let go');
    expect(silent.filter(({ destroyed }) => destroyed).length).toBeGreaterThan(60);
    expect(busy.some(({ destroyed }) => destroyed)).toBe(false);
    for (const socket of [...busy, ...silent]) socket.destroy();
  });

  it('lets nobody go who has had one answer and waits for the next', async () => {
    await using s = await scene();
    const [both] = await crowd(s.address, 1, PROBE + HALF);
    both!.resume();
    const silent = await crowd(s.address, 260, '');
    for (const socket of silent) socket.resume();
    await eventually(() => silent[0]?.destroyed === true, 'the one that waited for longest to be let go');
    expect(both!.destroyed).toBe(false);
    for (const socket of [both!, ...silent]) socket.destroy();
  });

  it('that are all at work says so, and answers probes', async () => {
    await using s = await scene();
    const sockets = await crowd(s.address, 256, HALF);
    const status = async (path: string) => {
      const socket = await connected(s.address);
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      const [head] = await once(socket, 'data');
      socket.destroy();
      return String(head);
    };
    let refused = '';
    await expect.poll(async () => (refused = await status('/v1/pools'))).toContain('HTTP/1.1 503 ');
    expect(refused).toContain('"too_many_connections"');
    expect(await status('/healthz')).toContain('HTTP/1.1 200 ');
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => status('/v1/pools')).toContain('HTTP/1.1 200 ');
  });
});

describe('requests that come behind one another on one connection', () => {
  const said = (method: string, path: string, body = '', type = 'application/json') =>
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

  it('are carried out so, however many', async () => {
    await using s = await scene();
    const client = await RawClient.connect(s.port);
    const round = [
      said('PUT', '/v1/pools/web', '{}'),
      said('PUT', '/v1/domains/a.test', '{"pool":"web"}'),
      said('GET', '/v1/domains/a.test'),
      said('DELETE', '/v1/domains/a.test'),
      said('DELETE', '/v1/pools/web'),
    ];
    client.send(round.join('').repeat(60));
    for (let at = 0; at < 60; at += 1) {
      const statuses: number[] = [];
      for (const _ of round) statuses.push((await client.response()).status);
      expect(statuses).toEqual([201, 201, 200, 204, 204]);
    }
  });

  it('wait until their client takes what it asked for before, and for nobody once it has left', async () => {
    let asked = 0;
    const actors = () => ({ actors: [`${++asked}${'x'.repeat(1_000_000)}`] as never[] });
    await using s = await scene({ actors });
    const client = await connected(s.address);
    client.pause();
    client.write(said('GET', '/v1/actors').repeat(80));
    await eventually(() => asked > 0, 'the first');
    await pause(100);
    // What fits into the buffers of the system.
    expect(asked).toBeLessThan(40);
    const before = asked;
    client.destroy();
    for (let n = 0; n < 20; n += 1) await s.client.get('/healthz');
    expect(asked).toBeLessThanOrEqual(before + 1);
  });

  it('leave others their turn', async () => {
    let asked = 0;
    const actors = () => {
      asked += 1;
      return { actors: [] };
    };
    await using s = await scene({ actors });
    const [many, one] = [await RawClient.connect(s.port), await RawClient.connect(s.port)];
    many.send(said('GET', '/v1/actors').repeat(90));
    one.send(PROBE);
    expect((await one.response()).status).toBe(200);
    expect(asked).toBeLessThan(60);
    for (let n = 0; n < 90; n += 1) expect((await many.response()).status).toBe(200);
  });

  it('are carried out behind all of an import', async () => {
    await using s = await scene();
    await s.client.put('/v1/pools/web', {});
    const client = await RawClient.connect(s.port);
    const hosts = Array.from({ length: 30 }, (_, at) => `d${at}.test`);
    const lines = hosts.map((domain) => `${JSON.stringify({ domain, pool: 'web' })}\n`).join('');
    const last = said('DELETE', '/v1/domains/d29.test');
    client.send(said('POST', '/v1/import?chunk=1', lines, 'application/x-ndjson') + last);
    expect([(await client.response()).status, (await client.response()).status]).toEqual([200, 204]);
  });

  it('are read no further where many wait for an answer, and on when they have it', async () => {
    const answers: ServerResponse[] = [];
    const server = createServer((request, response) => {
      connections.enter(request.socket, response);
      answers.push(response);
    });
    const connections = new Connections(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = await connected(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    socket.resume();
    socket.write(PROBE.repeat(20_000));
    await eventually(() => answers.length > 0, 'the first of them');
    await pause(300);
    // What came with them, in blocks of 64 KiB.
    expect(answers.length).toBeLessThan(6000);
    for (let at = 0; at < 20_000; at += 1) {
      await eventually(() => at < answers.length, 'the next one');
      answers[at]!.end();
    }
    socket.destroy();
    server.close();
  });
});
