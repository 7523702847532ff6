import { describe, expect, it } from 'vitest';
import type { Figures, Outcome } from '../../src/index.ts';
import { eventually, pause } from '../support/eventually.ts';
import { backendThat, deadPort, get, post } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { local, scene } from './scene.ts';

type Ends = { readonly target: string; readonly outcome: Outcome; readonly figures: Figures }[];

async function told(checkout: () => string | undefined) {
  const ends: Ends = [];
  const made = await scene({
    decisions: {
      checkout,
      finished: ({ target }, outcome, figures) => void ends.push({ target, outcome, figures }),
    },
  });
  const nth = async (count: number) => {
    await eventually(() => ends.length >= count, `end ${count}`);
    const end = ends[count - 1];
    if (end === undefined) throw new Error('unreachable');
    return end;
  };
  return { ...made, nth };
}

describe('the figures of a request', () => {
  it('are whole milliseconds of its parts, with its target and that all went well (183)', async () => {
    const backend = await backendThat(async () => {
      await pause(20);
      return 'HTTP/1.1 204 No Content\r\n\r\n';
    });
    const { connect, nth } = await told(() => local(backend.port));
    const client = await connect();
    await client.request(get('/?abc=d'));
    const { target, outcome, figures } = await nth(1);
    expect(target).toBe('/?abc=d');
    expect(outcome).toEqual({ type: 'responded', reason: 'responded', phase: 'respond', blame: 'nobody' });
    const { routeMs = -1, connectMs = -1, waitMs = -1, responseMs = -1, totalMs, attempts, status } = figures;
    for (const part of [routeMs, connectMs, waitMs, responseMs, totalMs])
      expect(Number.isInteger(part)).toBe(true);
    expect(Math.min(routeMs, connectMs, responseMs)).toBeGreaterThanOrEqual(0);
    expect(waitMs).toBeGreaterThanOrEqual(18);
    expect(totalMs).toBeGreaterThanOrEqual(waitMs);
    // Each part is rounded by itself.
    expect(Math.abs(routeMs + connectMs + waitMs + responseMs - totalMs)).toBeLessThanOrEqual(3);
    expect({ attempts, status }).toEqual({ attempts: 1, status: 204 });
    expect(figures.receivedAtMs).toBeGreaterThan(Date.now() - 60_000);
  });

  it('count exactly what crossed the backend’s socket for it, also on one that served another (155, 184)', async () => {
    const backend = await backendThat((request) => ok(request.body, 'X-Tst: yes', 'Set-Cookie: a=b'));
    const { connect, nth } = await told(() => local(backend.port));
    const client = await connect();
    await client.request(post('12345'));
    await client.request(post('12345'));
    const [first, second] = [await nth(1), await nth(2)];
    const answered = ok('12345', 'X-Tst: yes', 'Set-Cookie: a=b').length;
    const { raw = '' } = backend.requests[0] ?? {};
    expect(first.figures).toMatchObject({
      bytesToBackend: raw.length,
      bytesFromBackend: answered,
      bytesFromClient: 5,
    });
    expect(second.figures.bytesToBackend).toBe(backend.requests[1]?.raw.length);
    expect(second.figures).toMatchObject({ bytesFromBackend: answered, connectMs: 0 });
    expect(first.figures.bytesToClient + second.figures.bytesToClient).toBe(client.total.length);
    expect(backend.connections.length).toBe(1);
  });

  it('bring the backend’s response head along (186)', async () => {
    const backend = await backendThat(() => ok('', 'Set-Cookie: a=b', 'remote-host: x', 'X-Tst: yes'));
    const { connect, nth } = await told(() => local(backend.port));
    const client = await connect();
    await client.request(get('/'));
    const { figures } = await nth(1);
    expect(figures.response?.status).toBe(200);
    expect(figures.response?.headers).toEqual([
      ['Content-Length', '0'],
      ['Set-Cookie', 'a=b'],
      ['remote-host', 'x'],
      ['X-Tst', 'yes'],
    ]);
  });

  it('say undefined of what was never begun', async () => {
    const { connect, nth } = await told(() => undefined);
    const client = await connect();
    await client.request(get('/'));
    const { outcome, figures } = await nth(1);
    expect(outcome).toMatchObject({ type: 'no_backends', phase: 'checkout', blame: 'router' });
    expect(figures).toMatchObject({
      routeMs: undefined,
      connectMs: undefined,
      waitMs: undefined,
      responseMs: undefined,
      attempts: 1,
      status: 503,
      bytesToBackend: 0,
      bytesFromBackend: 0,
      response: undefined,
    });
  });

  it('unlike case 187 are one record, which takes the time of all attempts together for that of connecting', async () => {
    const backend = await backendThat(() => ok());
    const addresses = [local(await deadPort()), local(await deadPort()), local(backend.port)];
    const { connect, nth } = await told(() => addresses.shift());
    const client = await connect();
    await client.request(get('/'));
    const { figures } = await nth(1);
    expect(figures.attempts).toBe(3);
    expect(figures.connectMs).toBeGreaterThanOrEqual(0);
  });

  it('of an upgraded connection come when it is over', async () => {
    const backend = await backendThat();
    const { calls, connect, nth } = await told(() => local(backend.port));
    const client = await connect();
    client.send(get('/', 'Connection: Upgrade', 'Upgrade: echo'));
    const connection = await backend.accept();
    await connection.takeHead();
    connection.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    await client.receives('101 Switching');
    client.send('ping');
    await connection.receives('ping');
    connection.send('pong');
    await client.receives('pong');
    expect(calls.some((call) => call.startsWith('checkin'))).toBe(false);
    client.close();
    await connection.ends();
    connection.close();
    const { outcome, figures } = await nth(1);
    expect(outcome.type).toBe('upgraded');
    expect(figures.bytesFromBackend).toBe(connection.socket.bytesWritten);
    expect(figures.bytesToBackend).toBe(connection.socket.bytesRead);
    expect(calls.slice(-2)).toEqual(['checkin connected normal', 'finished upgraded']);
  });
});
