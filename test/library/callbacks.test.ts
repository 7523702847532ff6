import { describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import { RawClient } from '../support/raw-client.ts';
import { backendThat, deadPort, GET, get, post } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { bare, local, scene } from './scene.ts';

const SERVED = [
  'init',
  'lookupDomain app.test',
  'checkout 1',
  'backendOf',
  'additionalHeaders upstream',
  'additionalHeaders downstream',
  'checkin connected normal',
  'finished responded',
];

describe('the callbacks', () => {
  it('come in vegur’s order for a request that is served', async () => {
    const backend = await backendThat(() => ok('hello'));
    const { calls, connect } = await scene({ decisions: { checkout: () => local(backend.port) } });
    const client = await connect();
    expect(await client.request(GET)).toMatchObject({ status: 200, body: 'hello' });
    expect(calls).toEqual(SERVED);
    expect(await client.request(GET)).toMatchObject({ status: 200 });
    expect(calls).toEqual([...SERVED, ...SERVED]);
    expect(backend.connections.length).toBe(1);
  });

  it('may all be asynchronous', async () => {
    const backend = await backendThat(() => ok('late'));
    const later = async <T>(value: T): Promise<T> => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      return value;
    };
    const { calls, connect } = await scene({
      decisions: {
        init: () => later({ began: true }),
        lookupDomain: (host: string) => later({ domain: { name: host } }),
        checkout: (domain) => later({ app: domain.name }),
        backendOf: (service) => later(service.app === 'app.test' ? local(backend.port) : 'nowhere:1'),
        checkin: () => later(undefined),
        additionalHeaders: (direction) => later({ 'X-Way': direction }),
        finished: () => later(undefined),
      },
    });
    const client = await connect();
    const response = await client.request(GET);
    expect(response).toMatchObject({ status: 200, body: 'late' });
    expect(response.headers.get('x-way')).toBe('downstream');
    expect(backend.requests[0]?.headers.get('x-way')).toBe('upstream');
    await eventually(() => calls.length === SERVED.length, 'the last callback');
    expect(calls).toEqual(SERVED);
  });

  it('each have their own time, whatever the ones before them took', async () => {
    const backend = await backendThat(() => ok('late'));
    const { connect } = await scene({
      decisionMs: 800,
      decisions: {
        lookupDomain: (host) => pause(500).then(() => ({ domain: host })),
        checkout: () => pause(500).then(() => local(backend.port)),
      },
    });
    expect(await (await connect()).request(GET)).toMatchObject({ status: 200, body: 'late' });
  });

  it('check a service in after a failed connect and ask for another, of which the client sees nothing (83)', async () => {
    const backend = await backendThat(() => 'HTTP/1.1 204 No Content\r\n\r\n');
    const dead = await deadPort();
    const { calls, connect } = await scene({
      connectTime: 'Connect-Time',
      decisions: { checkout: (_domain, _request, attempt) => local(attempt === 1 ? dead : backend.port) },
    });
    const client = await connect();
    expect((await client.request(GET)).status).toBe(204);
    expect(calls).toEqual([
      'init',
      'lookupDomain app.test',
      'checkout 1',
      'backendOf',
      'checkin connecting connect_refused',
      'checkout 2',
      'backendOf',
      'additionalHeaders upstream',
      'additionalHeaders downstream',
      'checkin connected normal',
      'finished responded',
    ]);
    expect(backend.requests[0]?.headers.get('connect-time')).toMatch(/^\d+$/);
  });

  it('end the attempts by a refusal, which alone can when there is no limit to them (84)', async () => {
    const dead = await deadPort();
    const { calls, connect } = await scene({
      retries: { attempts: Number.POSITIVE_INFINITY },
      decisions: {
        checkout: (_domain, _request, attempt) => (attempt > 25 ? { refuse: 'econn_refused' } : local(dead)),
      },
    });
    const client = await connect();
    expect((await client.request(GET)).status).toBe(503);
    expect(calls.filter((call) => call === 'checkin connecting connect_refused').length).toBe(25);
    expect(calls.at(-3)).toBe('checkout 26');
    expect(calls.at(-2)).toBe('errorPage econn_refused app.test');
    expect(calls.at(-1)).toBe('finished econn_refused');
  });

  it('are asked for ten services at most, unless told otherwise', async () => {
    const dead = await deadPort();
    const { calls, connect } = await scene({ decisions: { checkout: () => local(dead) } });
    const client = await connect();
    expect((await client.request(GET)).status).toBe(503);
    expect(calls.filter((call) => call.startsWith('checkout')).length).toBe(10);
    expect(calls.filter((call) => call.startsWith('checkin')).length).toBe(10);
    expect(calls.slice(-2)).toEqual(['errorPage connect_refused app.test', 'finished connect_refused']);
  });

  it('are none for a request that is malformed or without a host (1, 2, 4, 25)', async () => {
    const { calls, connect } = await scene({ decisions: { checkout: () => 'nowhere:1' } });
    for (const malformed of [
      'GET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\r\nHost:\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nHost: a.test\r\n\r\nx',
      'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10,10\r\n\r\n0123456789',
      'GET / HTTP/1.1\r\nHost: a.test\r\nExpect: whatever\r\n\r\n',
    ]) {
      const client = await connect();
      const { status } = await client.request(malformed);
      expect([400, 417]).toContain(status);
    }
    expect(calls).toEqual([]);
  });

  it('see the request as it came, with nothing said of a connection that nothing was said of (185)', async () => {
    const backend = await backendThat(() => ok());
    const seen: unknown[] = [];
    const { connect, port } = await scene({
      decisions: {
        init: (request) => {
          const { method, target, path, query, version, host, client, headers, receivedAtMs } = request;
          seen.push({ method, target, path, query, version, host, client, headers, receivedAtMs });
          seen.push(request.header('x-many'), request.header('X-None'), request.id);
          return undefined;
        },
        lookupDomain: (host) => {
          seen.push(host);
          return { domain: host };
        },
        checkout: () => local(backend.port),
      },
    });
    const client = await connect();
    await client.request('GET /a/b?c=d HTTP/1.1\r\nHost: APP.test:8080\r\nX-Many: 1\r\nx-many: 2\r\n\r\n');
    expect(seen[0]).toMatchObject({
      method: 'GET',
      target: '/a/b?c=d',
      path: '/a/b',
      query: 'c=d',
      version: '1.1',
      host: 'APP.test:8080',
      client: { address: '127.0.0.1', isSecure: false, listenerPort: port, serverName: '', alpn: '' },
      headers: [
        ['Host', 'APP.test:8080'],
        ['X-Many', '1'],
        ['x-many', '2'],
      ],
    });
    expect((seen[0] as { client: { port: number } }).client.port).toBe(client.socket.localPort);
    expect(seen.slice(1, 3)).toEqual(['1, 2', undefined]);
    expect(seen[3]).toBe(backend.requests[0]?.headers.get('x-request-id'));
    expect(seen[4]).toBe('app.test');
  });

  it('share the state that init gave, one for each request', async () => {
    const backend = await backendThat(() => ok());
    const states: unknown[] = [];
    let count = 0;
    const { connect } = await scene({
      decisions: {
        init: () => ({ number: ++count, notes: [] as string[] }),
        lookupDomain: (host: string, { state }) => {
          state.notes.push('looked up');
          return { domain: host };
        },
        checkout: (_domain, { state }) => {
          state.notes.push('checked out');
          return local(backend.port);
        },
        checkin: (_domain, _service, _phase, _end, { state }) => void state.notes.push('checked in'),
        finished: ({ state }) => void states.push(state),
      },
    });
    const client = await connect();
    await client.request(GET);
    await client.request(get('/2'));
    await eventually(() => states.length === 2, 'two ends');
    const notes = ['looked up', 'checked out', 'checked in'];
    expect(states).toEqual([
      { number: 1, notes },
      { number: 2, notes },
    ]);
  });

  it('have defaults: the host is the domain, the service its own address', async () => {
    const backend = await backendThat((request) => ok(request.body));
    const { yard, port } = await bare({
      checkout: (domain) => (domain === 'app.test' ? local(backend.port) : undefined),
    });
    const client = await RawClient.connect(port);
    expect(await client.request(post('12345'))).toMatchObject({ status: 200, body: '12345' });
    const other = await client.request('GET / HTTP/1.1\r\nHost: other.test\r\n\r\n');
    expect(other.status).toBe(503);
    expect(yard.metrics().totals).toMatchObject({ requests: 2, checkouts: 1, checkins: 1 });
  });

  it('belong to their object, so that they may be methods of a class', async () => {
    const backend = await backendThat(() => ok('mine'));
    class Chooser {
      readonly #address = local(backend.port);
      looks = 0;
      lookupDomain(host: string) {
        this.looks++;
        return { domain: host };
      }
      checkout() {
        return { at: this.#address };
      }
      backendOf(service: { readonly at: string }) {
        return service.at === this.#address ? service.at : 'nowhere:1';
      }
    }
    const chooser = new Chooser();
    const { port } = await bare(chooser);
    const client = await RawClient.connect(port);
    expect((await client.request(GET)).body).toBe('mine');
    expect(chooser.looks).toBe(1);
  });
});
