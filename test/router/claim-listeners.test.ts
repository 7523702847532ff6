import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Claims, takenSince } from '../../src/router/claim-listeners.ts';
import { pause } from '../support/eventually.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(at = '127.0.0.1:0'): Promise<string> {
  const server = createServer().listen(Number(at.split(':')[1]), '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('an address', () => {
  const onLinux = it.runIf(process.platform === 'linux');

  onLinux(
    'is claimed by one at a time: who comes second waits until it is let go, and finds it listened on',
    async () => {
      const address = await new Claims().claim('127.0.0.1:0');
      const [one, other] = [new Claims(), new Claims()];
      expect(await one.claim(address)).toBe(address);
      const second = other.claim(address).catch((error: Error) => error.message);
      expect(await Promise.race([second, pause(150).then(() => 'waits')])).toBe('waits');
      await listening(address);
      one.letGo();
      expect(await second).toBe(`expected ${address} to be free, found it in use by another program`);
      other.letGo();
    },
  );

  onLinux('that somebody else keeps claimed, and does not listen on, is to be had in the end', async () => {
    const address = await new Claims().claim('127.0.0.1:0');
    const [keeper, other] = [new Claims(), new Claims(100)];
    await keeper.claim(address);
    expect(await other.claim(address)).toBe(address);
    keeper.letGo();
  });

  onLinux('is not claimed twice by one router', async () => {
    const claims = new Claims();
    const address = await claims.claim(await claims.claim('127.0.0.1:0'));
    await expect(claims.claim(address)).rejects.toThrow(`expected ${address} once, found it twice`);
    claims.letGo();
  });

  it('is not claimed twice by two names either', async () => {
    const claims = new Claims();
    const address = await claims.claim('127.0.0.1:0');
    const port = address.slice(address.indexOf(':'));
    const second = new Claims();
    await second.claim(`localhost${port}`);
    const both = await Promise.allSettled([second.claim(`127.0.0.1${port}`), second.claim(`[::1]${port}`)]);
    // Where `localhost` leads to is the machine's affair.
    const refused = both.flatMap((each) => (each.status === 'rejected' ? [each.reason.message] : []));
    expect(refused).toContainEqual(
      expect.stringMatching(/^expected localhost:\d+ and \S+ to differ, found both at \S+$/),
    );
    claims.letGo();
    second.letGo();
  });

  onLinux('that is claimed is no place to stay at', async () => {
    const claims = new Claims();
    const address = await claims.claim(await claims.claim('127.0.0.1:0'));
    const visitor = connect(`\0switchyard ${process.geteuid?.()} ${address}`);
    await once(visitor, 'close');
    claims.letGo();
  });

  it('that somebody listens on is not to be had', async () => {
    const address = await listening();
    await expect(new Claims().claim(address)).rejects.toThrow(`expected ${address} to be free`);
  });

  it('that somebody took since it was claimed is told as what it is', async () => {
    const address = await listening();
    const late = createServer().listen({ host: '127.0.0.1', port: Number(address.split(':')[1]) });
    const [error] = (await once(late, 'error').catch((thrown: unknown) => [thrown])) as [Error];
    expect(takenSince(error)?.message).toBe(
      `expected ${address} to be free, found it in use by another program`,
    );
    expect(takenSince(new Error('another'))).toBeUndefined();
  });
});
