import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { backendThat, GET, get, post } from '../support/routed.ts';
import { ok, type ScriptedBackend } from '../support/scripted-backend.ts';
import { local, scene } from './scene.ts';

type KeepAlive = boolean | 'fresh' | undefined;

async function over(backend: ScriptedBackend, keepAlive: KeepAlive | (() => KeepAlive)) {
  return scene({
    decisions: {
      checkout: () => 'web.1',
      backendOf: (name): Backend => {
        const chosen = typeof keepAlive === 'function' ? keepAlive() : keepAlive;
        const at = { host: '127.0.0.1', port: backend.port, name };
        return chosen === undefined ? at : { ...at, keepAlive: chosen };
      },
    },
  });
}

const CLOSE = 'Connection: close';
const KEEP = 'Connection: keep-alive';

describe('a backend without keep-alive', () => {
  // Client says, backend says, client is told.
  it.each([
    ['138', CLOSE, CLOSE, 'close'],
    ['139', KEEP, KEEP, 'keep-alive'],
    ['140', '', '', 'keep-alive'],
    ['141', CLOSE, KEEP, 'close'],
    ['142', KEEP, CLOSE, 'keep-alive'],
  ])('(%s) gets a connection for one request alone: %j, %j', async (_case, says, answers, told) => {
    const backend = await backendThat(() => (answers === '' ? ok() : ok('hello', answers)));
    const { connect } = await over(backend, false);
    const client = await connect();
    const ask = says === '' ? GET : get('/', says);
    const response = await client.request(ask);
    expect(response.status).toBe(200);
    expect(response.headers.get('connection')).toBe(told);
    expect(backend.requests[0]?.headers.get('connection')).toBe('close');
    await eventually(() => backend.open === 0, 'the backend’s connection closed');
    if (told === 'close') await client.ends();
    else {
      expect((await client.request(ask)).status).toBe(200);
      expect(backend.connections.length).toBe(2);
    }
  });
});

describe('a backend with keep-alive', () => {
  it('keeps its connection for the next request, also of another client (144, 145)', async () => {
    const backend = await backendThat((request) => ok(request.body));
    const { connect } = await over(backend, undefined);
    const client = await connect();
    expect((await client.request(post('12345'))).body).toBe('12345');
    expect((await client.request(post('67890'))).body).toBe('67890');
    expect((await (await connect()).request(post('abc'))).body).toBe('abc');
    expect(backend.requests[0]?.headers.get('connection')).toBe('keep-alive');
    expect(backend.connections.length).toBe(1);
    expect(backend.open).toBe(1);
  });

  it('that closes it gets a new one (147)', async () => {
    const backend = await backendThat(() => ok('hello', CLOSE));
    const { connect } = await over(backend, true);
    const client = await connect();
    const response = await client.request(get('/', KEEP));
    expect(response.headers.get('connection')).toBe('keep-alive');
    expect((await client.request(GET)).status).toBe(200);
    expect(backend.connections.length).toBe(2);
  });

  it('asked for a fresh connection loses the old one, and the new one is used again (148)', async () => {
    const backend = await backendThat(() => ok());
    const ways: KeepAlive[] = [true, true, 'fresh', true];
    const { connect } = await over(backend, () => ways.shift());
    const client = await connect();
    await client.request(GET);
    await client.request(GET);
    expect(backend.connections.length).toBe(1);
    await client.request(GET);
    expect(backend.connections.length).toBe(2);
    await eventually(() => backend.connections[0]?.over === true, 'the old connection closed');
    await client.request(GET);
    expect(backend.connections.length).toBe(2);
    expect(backend.connections[1]?.requests).toBe(2);
  });
});

describe('where a backend is', () => {
  it.each([
    ['a text', (port: number): Backend => local(port)],
    ['an address', (port: number): Backend => ({ address: `localhost:${port}` })],
    ['host and port', (port: number): Backend => ({ host: '127.0.0.1', port })],
  ])('may be %s', async (_form, at) => {
    const backend = await backendThat(() => ok());
    const { connect } = await scene({ decisions: { checkout: () => at(backend.port) } });
    const client = await connect();
    expect((await client.request(GET)).status).toBe(200);
  });

  it.each([
    ['a port alone', ':80'],
    ['no port', 'host'],
    ['port 0', '127.0.0.1:0'],
    ['a port too large', { host: '127.0.0.1', port: 65_536 }],
    ['a number', 80],
    ['another keepAlive', { host: '127.0.0.1', port: 80, keepAlive: 'yes' }],
  ])('cannot be %s', async (_form, at) => {
    const { calls, connect, reports } = await scene({
      decisions: { checkout: () => 'service', backendOf: () => at as Backend },
    });
    const client = await connect();
    expect((await client.request(GET)).status).toBe(503);
    expect(reports).toMatchObject([{ where: 'backendOf' }]);
    expect(calls.filter((call) => call.startsWith('checkin'))).toEqual(['checkin checkout internal_error']);
    expect(calls.at(-1)).toBe('finished internal_error');
  });

  it('is called by its name in the access log', async () => {
    const backend = await backendThat(() => ok());
    let log = '';
    const { connect } = await scene({
      accessLog: 'logfmt',
      writeLog: (lines) => {
        log += lines;
      },
      decisions: { checkout: () => ({ address: local(backend.port), name: 'web.7' }) },
    });
    const client = await connect();
    await client.request(GET);
    await eventually(() => log !== '', 'a line');
    expect(log).toContain(' dyno=web.7 ');
    expect(log).not.toContain(' pool=');
  });
});
