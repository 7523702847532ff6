import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as later } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { readBytes, readWhole } from '../../../src/admin/http/body.ts';
import { Refused } from '../../../src/admin/http/problem.ts';
import { liveBytes } from '../../support/live-bytes.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A request of which a piece has come, and no other comes soon. */
async function begun(): Promise<{
  readonly incoming: IncomingMessage;
  readonly write: (text: string) => void;
}> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const outgoing = request({ host: '127.0.0.1', port, method: 'POST' });
  outgoing.on('error', () => {});
  outgoing.write('one');
  ends.push(() => {
    outgoing.destroy();
    server.close();
  });
  const [incoming] = (await once(server, 'request')) as [IncomingMessage];
  return { incoming, write: (text) => void outgoing.write(text) };
}

describe('a body read as a whole', () => {
  it('takes its bytes and little more, however many pieces it comes in', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    ends.push(() => {
      socket.destroy();
      server.close();
    });
    socket.write('POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n');
    const [incoming] = (await once(server, 'request')) as [IncomingMessage];
    const before = liveBytes();
    const whole = readWhole(incoming, 1_048_576);
    let came = 0;
    incoming.on('data', ({ length }: Buffer) => {
      came += length;
    });
    socket.write('1\r\nx\r\n'.repeat(200_000));
    await expect.poll(() => came, { timeout: 30_000 }).toBe(200_000);
    expect(liveBytes() - before).toBeLessThan(10_000_000);
    socket.write('0\r\n\r\n');
    expect(String(await whole)).toBe('x'.repeat(200_000));
  });
});

describe('a body read as it comes', () => {
  it('is refused where its next piece does not come within the time that is said', async () => {
    const { incoming } = await begun();
    const pieces = readBytes(incoming, 50)[Symbol.asyncIterator]();
    expect(String((await pieces.next()).value)).toBe('one');
    const refused = (await pieces.next().catch((error: unknown) => error)) as Refused;
    expect(refused).toBeInstanceOf(Refused);
    expect(refused.reply).toMatchObject({ status: 408 });
    expect(JSON.stringify(refused.reply)).toContain('within 0.05 s');
  });

  it('is waited for as long as that', async () => {
    const { incoming, write } = await begun();
    const pieces = readBytes(incoming, 60_000)[Symbol.asyncIterator]();
    await pieces.next();
    const next = pieces.next();
    await later(100);
    write('two');
    expect(String((await next).value)).toBe('two');
  });
});
