import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { BodyRoom } from '../../../src/admin/http/body-room.ts';
import { pause } from '../../support/eventually.ts';
import { type Scene, withWeb } from '../scene.ts';

const MIB = 1024 * 1024;
const nobodyLeaves = new AbortController().signal;

describe('room for large bodies', () => {
  const entering = (room: BodyRoom, order: string[], name: string, mib: number, signal = nobodyLeaves) =>
    room.enter(mib * MIB, signal).then((held) => {
      order.push(name);
      return held;
    });

  it('is had by 16 MiB at once, or by one that is larger, in order, and small ones ask for none', async () => {
    const room = new BodyRoom();
    const order: string[] = [];
    const first = await entering(room, order, 'first', 10);
    const second = await entering(room, order, 'second', 6);
    const third = entering(room, order, 'third', 64);
    const fourth = entering(room, order, 'fourth', 2);
    await entering(room, order, 'small', 1);
    expect(order).toEqual(['first', 'second', 'small']);
    first[Symbol.dispose]();
    // Twice is as good as once.
    first[Symbol.dispose]();
    await entering(room, order, 'small', 1);
    expect(order).toHaveLength(4);
    second[Symbol.dispose]();
    (await third)[Symbol.dispose]();
    await fourth;
    expect(order.slice(4)).toEqual(['third', 'fourth']);
  });

  it('is refused to who waits for it too long, and asked for by nobody who has left', async () => {
    const room = new BodyRoom(50);
    const order: string[] = [];
    const held = await entering(room, order, 'first', 14);
    const refused = await entering(room, order, 'late', 64).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      reply: {
        status: 503,
        headers: { 'retry-after': '5' },
        value: { type: 'too_much_under_way', detail: expect.stringContaining('16777216 bytes') },
      },
    });
    const gone = AbortSignal.abort('gone before');
    expect(await entering(room, order, 'gone', 2, gone).catch((error: unknown) => error)).toBe('gone before');
    const leaver = new AbortController();
    const left = entering(room, order, 'left', 64, leaver.signal).catch((error: unknown) => error);
    const behind = entering(room, order, 'behind', 1.5);
    leaver.abort('gone');
    expect(await left).toBe('gone');
    // It is small enough to be let in beside the first.
    (await behind)[Symbol.dispose]();
    held[Symbol.dispose]();
    await entering(room, order, 'last', 64);
    expect(order).toEqual(['first', 'behind', 'last']);
  });

  it('is not lost where who waits for it leaves just as it is let in', async () => {
    const room = new BodyRoom(200);
    const held = await entering(room, [], 'first', 14);
    const leaver = new AbortController();
    const left = entering(room, [], 'left', 64, leaver.signal).catch((error: unknown) => error);
    held[Symbol.dispose]();
    leaver.abort('gone');
    expect(await left).toBe('gone');
    (await entering(room, [], 'next', 64))[Symbol.dispose]();
  });
});

describe('a large apply', () => {
  const wish = (mib: number) => `{"pools":{"web":{"policy":"random"}},"domains":{}}${' '.repeat(mib * MIB)}`;

  it('waits for one that is under way, unlike a command, and has its turn when that has gone', async () => {
    await using s = await withWeb();
    const slow = await announced(s, 12 * MIB);
    const send = (mib: number) =>
      fetch(`http://${s.address}/v1/apply?dryRun=true`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: wish(mib),
      });
    const waiting = send(5);
    await s.client.must('PUT', '/v1/pools/web', { policy: 'random' });
    await s.client.must('POST', '/v1/apply?dryRun=true', JSON.parse(wish(0)) as object);
    const first = await Promise.race([waiting.then(() => 'large'), pause(100).then(() => 'nobody')]);
    expect(first).toBe('nobody');
    slow.destroy();
    expect((await waiting).status).toBe(200);
    // And that one has left all of the room to the next.
    expect((await send(63)).status).toBe(200);
  });

  it('is refused at once where it is larger than any may be', async () => {
    await using s = await withWeb();
    const slow = await announced(s, 64 * MIB);
    const reply = await announced(s, 64 * MIB + 1);
    expect(String((await once(reply, 'data'))[0])).toContain('413');
    reply.destroy();
    slow.destroy();
  });
});

/** Has begun to send a body of so many bytes, and goes on with it for as long as nobody ends it. */
async function announced({ port }: Scene, bytes: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(
    `POST /v1/apply?dryRun=true HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n{`,
  );
  // It is read in the order in which it came.
  await pause(50);
  return socket;
}
