import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { BackendSocket } from '../../../src/proxy/upstream/backend-socket.ts';
import { eventually } from '../../support/eventually.ts';

/** A socket whose server says something, sends its FIN, and then closes with something unread, which resets. */
async function leftBy(words: string, isHeard: boolean) {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const told: string[] = [];
  const callback = (length: number, buffer: Uint8Array) =>
    told.push(Buffer.from(buffer.subarray(0, length)).toString()) > 0;
  const onread = { buffer: Buffer.alloc(64), callback };
  const socket = new BackendSocket({ allowHalfOpen: true, onread }, () => isHeard);
  socket.pause();
  socket.on('end', () => told.push('end'));
  socket.on('error', (error: NodeJS.ErrnoException) => told.push(error.code as string));
  socket.on('close', () => told.push('close'));
  socket.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = (await once(server, 'connection')) as [Socket];
  socket.write('asked');
  peer.end(words);
  await once(peer, 'finish');
  peer.destroy();
  await once(peer, 'close');
  server.close();
  return { socket, told };
}

it('what was said before a FIN and a reset is read whole, after a write has failed', async () => {
  const { socket, told } = await leftBy('the last words', true);
  socket.write('more');
  await eventually(() => socket.hasFailed, 'a write that failed');
  expect(told).toEqual([]);
  socket.resume();
  await eventually(() => told.includes('close'), 'closed');
  expect(told).toEqual(['the last words', 'end', 'EPIPE', 'close']);
});

it('who is not to be heard is closed at once', async () => {
  const { socket, told } = await leftBy('the last words', false);
  socket.write('more');
  await eventually(() => told.includes('close'), 'closed');
  expect(told).toEqual(['EPIPE', 'close']);
});

it('whoever closes it after a write has failed need not read first', async () => {
  const { socket, told } = await leftBy('the last words', true);
  socket.write('more');
  await eventually(() => socket.hasFailed, 'a write that failed');
  socket.destroy();
  await eventually(() => told.includes('close'), 'closed');
});
