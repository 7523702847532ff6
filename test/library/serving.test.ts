import { describe, expect, it } from 'vitest';
import { createSwitchyard } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { RawClient } from '../support/raw-client.ts';
import { backendThat, closing, GET } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { local, portOf, scene } from './scene.ts';

describe('a switchyard of decisions', () => {
  it('listens once, on all its listeners, and says where', async () => {
    const backend = await backendThat(() => ok());
    const yard = closing(
      createSwitchyard({
        decisions: { checkout: () => local(backend.port) },
        listeners: [{ address: '127.0.0.1:0' }, { address: '127.0.0.1:0', probePath: '/health' }],
      }),
    );
    const addresses = await yard.listen();
    expect(await yard.listen()).toBe(addresses);
    expect(new Set(addresses.map((address) => portOf([address]))).size).toBe(2);
    const client = await RawClient.connect(portOf(addresses.slice(1)));
    expect((await client.request('GET /health HTTP/1.1\r\nHost: a.test\r\n\r\n')).body).toBe('ok\n');
    expect((await client.request(GET)).status).toBe(200);
  });

  it('opens none of its listeners if one cannot be had', async () => {
    const { port } = await scene({ decisions: { checkout: () => undefined } });
    const yard = createSwitchyard({
      decisions: { checkout: () => undefined },
      listeners: [{ address: '127.0.0.1:0' }, { address: `127.0.0.1:${port}` }],
    });
    await expect(yard.listen()).rejects.toThrow(/EADDRINUSE/);
  });

  it('drains: what is under way finishes, with its last callbacks, and no more is accepted', async () => {
    let finish: () => void = () => {};
    const backend = await backendThat(
      () =>
        new Promise((resolve) => {
          finish = () => resolve(ok('finished'));
        }),
    );
    const { calls, connect, port, yard } = await scene({
      decisions: { checkout: () => local(backend.port) },
    });
    const client = await connect();
    client.send(GET);
    await eventually(() => backend.requests.length === 1, 'the request');
    const drained = yard.drain(5000);
    await expect(RawClient.connect(port).then((other) => other.request(GET))).rejects.toThrow();
    finish();
    const response = await client.response();
    expect(response.body).toBe('finished');
    expect(response.headers.get('connection')).toBe('close');
    await drained;
    expect(calls.at(-1)).toBe('finished responded');
  });

  it('closes: what is under way is cut, and everything checked out is checked in', async () => {
    const backend = await backendThat(() => undefined);
    const { calls, connect, yard } = await scene({ decisions: { checkout: () => local(backend.port) } });
    const client = await connect();
    client.send(GET);
    await eventually(() => backend.requests.length === 1, 'the request');
    await yard.close();
    await client.ends();
    expect(calls.slice(-2)).toEqual(['checkin connected forced_close', 'finished forced_close']);
  });

  it.each([
    ['with the page that is there at once', () => ({ status: 500, body: 'mine' }), 500],
    ['with the router’s own, if another takes time', () => new Promise<never>(() => {}), 503],
  ])('closes, and tells who has had no answer: %s', async (_which, errorPage, status) => {
    const { calls, connect, yard } = await scene({
      decisions: { checkout: () => new Promise<never>(() => {}), errorPage },
    });
    const client = await connect();
    client.send(GET);
    await eventually(() => calls.includes('checkout 1'), 'the checkout');
    await yard.close();
    expect((await client.response()).status).toBe(status);
    expect(calls.slice(-2)).toEqual(['errorPage forced_close app.test', 'finished forced_close']);
  });

  it('closes, and tells who waits for a page', async () => {
    const { calls, connect, yard } = await scene({
      decisions: { checkout: () => undefined, errorPage: () => new Promise<never>(() => {}) },
    });
    const client = await connect();
    client.send(GET);
    await eventually(() => calls.includes('errorPage no_backends app.test'), 'the question');
    await yard.close();
    expect((await client.response()).body).toContain('H14');
    expect(calls.at(-1)).toBe('finished no_backends');
  });

  it('closes while a program is still thinking', async () => {
    const { calls, connect, yard } = await scene({
      decisions: { checkout: () => undefined, lookupDomain: () => new Promise<undefined>(() => {}) },
    });
    const client = await connect();
    client.send(GET);
    await eventually(() => calls.length === 2, 'the lookup');
    await yard.close();
    expect(calls.at(-1)).toBe('finished forced_close');
    expect(yard.metrics().totals).toMatchObject({ inFlight: 0, connections: 0 });
  });

  it('holds the body back while it waits for a backend, and passes it on whole', async () => {
    const backend = await backendThat((request) => ok(String(request.body.length)));
    let give: (address: string) => void = () => {};
    const { calls, connect } = await scene({
      decisions: {
        checkout: () =>
          new Promise<string>((resolve) => {
            give = resolve;
          }),
      },
    });
    const client = await connect();
    const size = 1_000_000;
    client.send(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`);
    await eventually(() => calls.includes('checkout 1'), 'the checkout');
    await eventually(
      () => client.socket.writableLength > 0 || client.socket.bytesWritten > 0,
      'the upload begun',
    );
    give(local(backend.port));
    expect((await client.response()).body).toBe(String(size));
  });

  it('answers many clients at once, each service checked in once', async () => {
    const backend = await backendThat((request) => ok(request.target));
    const held = new Map<number, number>();
    let next = 0;
    const { connect } = await scene<string, { id: number; address: string }>({
      decisions: {
        checkout: async () => {
          const id = ++next;
          held.set(id, 0);
          return { id, address: local(backend.port) };
        },
        checkin: (_domain, { id }) => void held.set(id, (held.get(id) ?? 0) + 1),
      },
    });
    const clients = await Promise.all(Array.from({ length: 30 }, () => connect()));
    await Promise.all(
      clients.map(async (client, at) => {
        for (let i = 0; i < 5; i++) {
          const path = `/${at}/${i}`;
          expect((await client.request(GET.replace('/', path))).body).toBe(path);
        }
      }),
    );
    await eventually(() => [...held.values()].every((count) => count === 1), 'every service back');
    expect(held.size).toBe(150);
  });
});
