import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Claims, takenSince } from '../../src/router/claim-listeners.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('an address', () => {
  it.runIf(process.platform === 'linux')('is claimed by one at a time, until it is let go', async () => {
    const address = await new Claims().claim('127.0.0.1:0');
    const [one, other] = [new Claims(), new Claims()];
    expect(await one.claim(address)).toBe(address);
    await expect(other.claim(address)).rejects.toThrow(
      `expected ${address} to be free, found it in use by another program`,
    );
    one.letGo();
    await expect.poll(() => other.claim(address).catch((error: Error) => error.message)).toBe(address);
    other.letGo();
  });

  it.runIf(process.platform === 'linux')('that is claimed is no place to stay at', async () => {
    const claims = new Claims();
    const address = await claims.claim(await claims.claim('127.0.0.1:0'));
    const visitor = connect(`\0switchyard ${address}`);
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
