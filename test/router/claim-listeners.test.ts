import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { Claims, takenSince } from '../../src/router/claim-listeners.ts';
import { pause } from '../support/eventually.ts';
import { holdPort } from '../support/held-port.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Free for whoever names it, and given to nobody else meanwhile. */
async function free(): Promise<string> {
  const held = await holdPort();
  onTestFinished(held.close);
  return `127.0.0.1:${held.port}`;
}

async function listening(at = '127.0.0.1:0', reusePort = false): Promise<string> {
  const server = createServer().listen({ port: Number(at.split(':')[1]), host: '127.0.0.1', reusePort });
  servers.push(server);
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('an address', () => {
  const onLinux = it.runIf(process.platform === 'linux');

  onLinux(
    'is claimed by one at a time: who comes second waits until it is let go, and finds it listened on',
    async () => {
      const address = await free();
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
    const address = await free();
    const [keeper, other] = [new Claims(), new Claims(100)];
    await keeper.claim(address);
    expect(await other.claim(address)).toBe(address);
    keeper.letGo();
  });

  onLinux('is not claimed twice by one router', async () => {
    const claims = new Claims();
    const address = await claims.claim(await free());
    await expect(claims.claim(address)).rejects.toThrow(`expected ${address} once, found it twice`);
    claims.letGo();
  });

  it('is not claimed twice by two names either', async () => {
    const address = await free();
    const port = address.slice(address.indexOf(':'));
    const second = new Claims();
    await second.claim(`localhost${port}`);
    const both = await Promise.allSettled([second.claim(`127.0.0.1${port}`), second.claim(`[::1]${port}`)]);
    // Where `localhost` leads to is the machine's affair.
    const refused = both.flatMap((each) => (each.status === 'rejected' ? [each.reason.message] : []));
    expect(refused).toContainEqual(
      expect.stringMatching(/^expected localhost:\d+ and \S+ to differ, found both at \S+$/),
    );
    second.letGo();
  });

  onLinux(
    'with a port that the system chose is had by nobody else before the workers, and theirs alone once it is let go',
    async () => {
      const claims = new Claims();
      const address = await claims.claim('127.0.0.1:0');
      await expect(listening(address)).rejects.toMatchObject({ code: 'EADDRINUSE' });
      await listening(address, true);
      claims.letGo();
      const client = connect(Number(address.split(':')[1]), '127.0.0.1');
      await once(servers.at(-1)!, 'connection');
      client.destroy();
    },
  );

  onLinux('that is claimed is no place to stay at', async () => {
    const claims = new Claims();
    const address = await claims.claim(await free());
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
