/** The contract with this Node: what own-reads.ts relies on holds, and where it does not, `data` serves as well. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ownReads, readInto } from '../../../src/proxy/client/own-reads.ts';
import { eventually, pause } from '../../support/eventually.ts';
import { closing, GET, post, routed } from '../../support/routed.ts';
import { ok } from '../../support/scripted-backend.ts';

async function accepted(): Promise<{
  socket: Socket;
  peer: Socket;
  read: string[];
  took: boolean;
  ended: () => boolean;
}> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const read: string[] = [];
  const buffers = [Buffer.alloc(8), Buffer.alloc(8)];
  let turn = 0;
  let hasEnded = false;
  const [socket] = (await once(server, 'connection')) as [Socket];
  const took = ownReads(socket, buffers[0] as Buffer, (length, buffer) => {
    turn++;
    readInto(socket, buffers[turn % 2] as Buffer);
    read.push(buffer.toString('latin1', 0, length));
    return true;
  });
  socket.on('end', () => {
    hasEnded = true;
  });
  socket.on('error', () => {});
  peer.on('error', () => {});
  closing({
    close: async () => {
      peer.destroy();
      socket.destroy();
      server.close();
    },
  });
  return { socket, peer, read, took, ended: () => hasEnded };
}

describe('an accepted socket of this Node', () => {
  it('reads into the buffers it is given, each in its turn, and never says data', async () => {
    const { socket, peer, read, took } = await accepted();
    expect(took).toBe(true);
    let said = false;
    socket.on('data', () => {
      said = true;
    });
    peer.write('0123456789abcdef!');
    await eventually(() => read.join('') === '0123456789abcdef!', 'all of it');
    expect(read[0]).toBe('01234567');
    expect(said).toBe(false);
  });

  it('can be paused and resumed, and says end', async () => {
    const { socket, peer, read, ended } = await accepted();
    peer.write('one');
    await eventually(() => read.length === 1, 'a read');
    socket.pause();
    peer.write('two');
    peer.end();
    await pause(30);
    expect(read).toEqual(['one']);
    expect(ended()).toBe(false);
    socket.resume();
    await eventually(ended, 'the end');
    expect(read).toEqual(['one', 'two']);
  });

  it('says close when it is reset', async () => {
    const { socket, peer } = await accepted();
    let isClosed = false;
    socket.on('close', () => {
      isClosed = true;
    });
    peer.resetAndDestroy();
    await eventually(() => isClosed, 'close');
  });
});

it('a socket that is other than expected is left alone', () => {
  expect(ownReads(new Socket(), Buffer.alloc(1), () => true)).toBe(false);
});

it('without it everything is the same', async () => {
  const { router } = await routed((request) => ok(request.body), { ownReads: false });
  const client = await router.connect();
  for (const bytes of [0, 1, 20_000, 200_000]) {
    expect((await client.request(post('x'.repeat(bytes)))).body.length).toBe(bytes);
  }
  client.send(GET + GET);
  for (let i = 0; i < 2; i++) expect((await client.response()).status).toBe(200);
});
