/** Responses that nobody takes, or that are taken slowly. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { scene } from '../scene.ts';

const STALLED_MS = 2000;
// Far more than both ends of a connection take without anybody reading.
const LONG = { ok: true, detail: 'x'.repeat(8_000_000) };

async function asked(port: number, path: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  return socket;
}

describe('a response', () => {
  it.each([
    ['that nobody takes', ''],
    [
      'that nobody takes, with more calls behind it',
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(3),
    ],
  ])('%s is cut off, and its connection is free for others', async (_, behind) => {
    await using s = await scene({ ready: () => LONG, stalledMs: STALLED_MS, connections: 9 });
    const stuck = await Promise.all(Array.from({ length: 8 }, () => asked(s.port, '/readyz')));
    for (const socket of stuck) socket.write(behind);
    const status = async () => (await s.client.get('/v1/pools')).status;
    await eventually(() => stuck.every(({ bytesRead }) => bytesRead > 0), 'all of them to have a response');
    expect(await status()).toBe(503);
    await expect.poll(status, { timeout: 10_000 }).toBe(200);
    for (const socket of stuck) socket.destroy();
  });

  it('that is taken slowly is complete, however long it takes', async () => {
    await using s = await scene({ ready: () => LONG, stalledMs: STALLED_MS });
    const socket = await asked(s.port, '/readyz');
    let bytes = 0;
    let isCut = false;
    socket.on('close', () => (isCut = true));
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      socket.pause();
      setTimeout(() => socket.resume(), 40);
    });
    const startedMs = performance.now();
    socket.resume();
    await eventually(() => bytes > LONG.detail.length || isCut, 'all of it', 30_000);
    expect(bytes).toBeGreaterThan(LONG.detail.length);
    expect(performance.now() - startedMs).toBeGreaterThan(1.5 * STALLED_MS);
    socket.destroy();
  });
});
