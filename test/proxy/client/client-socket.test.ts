import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { listenerSettings } from '../../../src/config/process.ts';
import { ClientSocket } from '../../../src/proxy/client/client-socket.ts';
import { Listener } from '../../../src/proxy/client/listener.ts';
import type { PlaneContext } from '../../../src/proxy/context.ts';
import { Deadlines } from '../../../src/proxy/deadlines.ts';
import { OwnHeadcount } from '../../../src/proxy/headcount.ts';
import { ReadBuffers } from '../../../src/proxy/read-buffers.ts';
import { eventually } from '../../support/eventually.ts';

const MUCH = 16_000_000;

/** It notes what is pending whenever it is told that nothing is. */
class Noting extends ClientSocket {
  readonly pendingWhenDrained: number[] = [];

  protected override received(): void {}
  protected override ended(): void {}
  protected override closed(): void {}
  protected override timedOut(): void {}
  protected override crashed(): void {}
  protected override drained(): void {
    this.pendingWhenDrained.push(this.pendingBytes);
  }
}

it('is drained when nothing waits any more, also of what was written after somebody asked', async () => {
  const { near, far, close } = await pair();
  const client = notingOn(near);
  const piece = Buffer.alloc(32_768);
  let unsent = 0;
  const sent = () => {
    unsent--;
    // More than the system takes at once is under way by now, and the empty write of who asked with it.
    if (unsent === 0) client.writeBytes(Buffer.alloc(40_000_000));
  };
  for (; client.pendingBytes === 0; unsent++) near.write(piece, sent);
  client.tellWhenDrained();
  client.writeBytes(Buffer.alloc(40_000_000));
  near.on('drain', () => client.socketDrained());
  far.resume();
  await eventually(() => client.pendingWhenDrained.length > 0, 'a word');
  await close();
  expect(client.pendingWhenDrained.every((pending) => pending === 0)).toBe(true);
});

it('loses nothing that is written and ended before who asked for a word has had it', async () => {
  const { near, far, close } = await pair();
  const client = notingOn(near);
  const errors: Error[] = [];
  near.on('error', (error) => errors.push(error));
  const piece = Buffer.alloc(32_768);
  let unsent = 0;
  let written = 0;
  let got = 0;
  far.on('data', (chunk: Buffer) => {
    got += chunk.length;
  });
  far.pause();
  const sent = () => {
    unsent--;
    if (unsent !== 0) return;
    client.writeBytes(Buffer.alloc(MUCH));
    client.endWriting();
  };
  for (; client.pendingBytes === 0; unsent++) {
    near.write(piece, sent);
    written += piece.length;
  }
  client.tellWhenDrained();
  client.writeBytes(Buffer.alloc(MUCH));
  written += 2 * MUCH;
  far.resume();
  await once(far, 'close');
  await close();
  expect(errors).toEqual([]);
  expect(got).toBe(written);
});

it('that is reset while its FIN is on its way is closed all the same', async () => {
  const { near, far, close } = await pair();
  const client = notingOn(near);
  const errors: Error[] = [];
  near.on('error', (error) => errors.push(error));
  let isClosed = false;
  near.on('close', () => {
    isClosed = true;
  });
  client.writeText('whole');
  client.endWriting();
  client.reset();
  await eventually(() => isClosed, 'the end of the socket');
  expect(errors).toEqual([]);
  far.resume();
  await close();
});

function notingOn(socket: Socket): Noting {
  const context = {
    now: Date.now,
    deadlines: new Deadlines(Date.now, console.error),
    buffers: new ReadBuffers(),
  };
  const settings = listenerSettings.parse({ address: '127.0.0.1:1' });
  const listener = new Listener(settings, new OwnHeadcount(), () => {});
  return new Noting(socket, listener, context as unknown as PlaneContext);
}

async function pair(): Promise<{ near: Socket; far: Socket; close: () => Promise<void> }> {
  const server = createServer({ highWaterMark: 65_536 }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const far = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  const [near] = (await once(server, 'connection')) as [Socket];
  return {
    near,
    far,
    close: async () => {
      far.destroy();
      near.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
