import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { RawClient } from '../support/raw-client.ts';
import { backendThat, GET, get } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { bare, local, scene } from './scene.ts';

const EXPECT = 'POST /c HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n';

describe('additional headers', () => {
  it('downstream reach the client (69)', async () => {
    const backend = await backendThat(() => ok('hello', 'X-Own: theirs', 'Set-Cookie: a=1'));
    const { connect } = await scene({
      decisions: {
        checkout: () => local(backend.port),
        additionalHeaders: (direction) =>
          direction === 'upstream'
            ? undefined
            : { 'custom-header': 'custom-value', 'x-own': 'ours', 'Set-Cookie': ['b=2', 'c=3'] },
      },
    });
    const client = await connect();
    const response = await client.request(GET);
    expect(response.headers.get('custom-header')).toBe('custom-value');
    expect(response.headers.get('x-own')).toBe('ours');
    expect(response.headers.get('set-cookie')).toBe('a=1, b=2, c=3');
    expect(backend.requests[0]?.headers.has('custom-header')).toBe(false);
  });

  it('upstream reach the backend with the values of the callback (81)', async () => {
    const backend = await backendThat(() => ok());
    const { connect } = await scene({
      connectTime: 'Connect-Time',
      totalRouteTime: 'Total-Route-Time',
      decisions: {
        checkout: () => local(backend.port),
        additionalHeaders: (direction) =>
          direction === 'upstream'
            ? [
                ['Instance-Name', 'web.1'],
                ['Connect-Time', '17'],
                ['Total-Route-Time', '99'],
                ['X-Forwarded-Proto', 'https'],
              ]
            : [],
      },
    });
    const client = await connect();
    await client.request(get('/', 'Instance-Name: forged', 'instance_name: forged', 'connect-time: forged'));
    const headers = backend.requests[0]?.headers;
    expect(headers?.get('instance-name')).toBe('web.1');
    expect(headers?.has('instance_name')).toBe(false);
    expect(headers?.get('connect-time')).toBe('17');
    expect(headers?.get('total-route-time')).toBe('99');
    expect(headers?.get('x-forwarded-proto')).toBe('https');
    expect(headers?.get('x-forwarded-for')).toBe('127.0.0.1');
  });

  it.each([
    ['Content-Length', '3'],
    ['Transfer-Encoding', 'chunked'],
    ['Host', 'other.test'],
    ['bad name', 'x'],
    ['X-Split', 'a\r\nX-More: b'],
  ])('cannot be %s: %j', async (name, value) => {
    const backend = await backendThat(() => ok());
    const { calls, connect, reports } = await scene({
      decisions: { checkout: () => local(backend.port), additionalHeaders: () => ({ [name]: value }) },
    });
    const client = await connect();
    expect((await client.request(GET)).status).toBe(503);
    expect(reports).toMatchObject([{ where: 'additionalHeaders' }]);
    expect(backend.requests.length).toBe(0);
    await eventually(() => calls.includes('finished internal_error'), 'the end');
    expect(calls.filter((call) => call.startsWith('checkin'))).toEqual(['checkin connected internal_error']);
  });
});

describe('the headers that tell times', () => {
  it('are whole milliseconds under the names they are given (79, 80)', async () => {
    const backend = await backendThat(() => ok());
    const { connect } = await scene({
      connectTime: 'Connect-Time',
      totalRouteTime: 'X-Route',
      decisions: { checkout: () => local(backend.port) },
    });
    const client = await connect();
    await client.request(get('/', 'X-Route: forged'));
    await client.request(GET);
    const [first, second] = backend.requests;
    expect(first?.headers.get('connect-time')).toMatch(/^\d+$/);
    expect(first?.headers.get('x-route')).toMatch(/^\d+$/);
    // On a connection that is there already, connecting takes no time.
    expect(second?.headers.get('connect-time')).toBe('0');
  });

  it('are sent too where a program adds no headers of its own', async () => {
    const backend = await backendThat(() => ok());
    const { port } = await bare({ checkout: () => local(backend.port) }, { connectTime: 'Connect-Time' });
    const client = await RawClient.connect(port);
    await client.request(GET);
    expect(backend.requests[0]?.headers.get('connect-time')).toMatch(/^\d+$/);
  });

  it('are not sent unless they are asked for', async () => {
    const backend = await backendThat(() => ok());
    const { connect } = await scene({ decisions: { checkout: () => local(backend.port) } });
    const client = await connect();
    await client.request(GET);
    expect(backend.requests[0]?.headers.has('connect-time')).toBe(false);
    expect(backend.requests[0]?.headers.has('total-route-time')).toBe(false);
  });
});

describe('a feature', () => {
  it('end-to-end-continue, enabled, leaves the 100 to the backend (33)', async () => {
    const backend = await backendThat();
    const { connect } = await scene({
      decisions: { checkout: () => local(backend.port), feature: async () => 'enabled' as const },
    });
    const client = await connect();
    client.send(EXPECT);
    const connection = await backend.accept();
    expect(await connection.takeHead()).toContain('Expect: 100-continue');
    expect(client.received).toBe('');
    connection.send('HTTP/1.1 100 Continue\r\n\r\n');
    expect((await client.response()).status).toBe(100);
    client.send('0123456789');
    await connection.receives('0123456789');
    connection.send(ok());
    expect((await client.response()).status).toBe(200);
  });

  it('end-to-end-continue, disabled, has the router say the 100 and drop the Expect (44)', async () => {
    const backend = await backendThat();
    const { connect } = await scene({
      decisions: { checkout: () => local(backend.port), feature: () => 'disabled' },
    });
    const client = await connect();
    client.send(EXPECT);
    expect((await client.response()).status).toBe(100);
    const connection = await backend.accept();
    expect(await connection.takeHead()).not.toContain('Expect');
    client.send('0123456789');
    await connection.receives('0123456789');
    connection.send(ok());
    expect((await client.response()).status).toBe(200);
  });

  it('end-to-end-continue is asked for only where there is an Expect', async () => {
    const backend = await backendThat(() => ok());
    const { calls, connect } = await scene({ decisions: { checkout: () => local(backend.port) } });
    const client = await connect();
    await client.request(GET);
    expect(calls.some((call) => call.startsWith('feature'))).toBe(false);
  });

  it.each([
    ['enabled', '1234'],
    ['disabled', undefined],
  ] as const)('peer-port, %s, tells the backend %s (77)', async (answer, told) => {
    const backend = await backendThat(() => ok());
    const { calls, connect } = await scene({
      listener: { proxyProtocol: true },
      decisions: {
        checkout: () => local(backend.port),
        feature: (name) => (name === 'peer-port' ? answer : 'disabled'),
      },
    });
    const client = await connect();
    const proxy = 'PROXY TCP4 1.2.3.4 5.6.7.8 1234 443\r\n';
    await client.request(proxy + get('/', 'X-Forwarded-Peer-Port: 1'));
    const headers = backend.requests[0]?.headers;
    expect(headers?.get('x-forwarded-peer-port')).toBe(told);
    expect(headers?.get('x-forwarded-for')).toBe('1.2.3.4');
    expect(headers?.get('x-forwarded-port')).toBe('443');
    expect(headers?.get('x-forwarded-proto')).toBe('https');
    expect(calls).toEqual([
      'init',
      'lookupDomain app.test',
      'checkout 1',
      'backendOf',
      'feature peer-port',
      'additionalHeaders upstream',
      'additionalHeaders downstream',
      'checkin connected normal',
      'finished responded',
    ]);
  });

  it('peer-port is not asked for on a plain listener', async () => {
    const backend = await backendThat(() => ok());
    const { calls, connect } = await scene({
      decisions: { checkout: () => local(backend.port), feature: () => 'enabled' },
    });
    const client = await connect();
    await client.request(GET);
    expect(calls.some((call) => call.startsWith('feature'))).toBe(false);
    expect(backend.requests[0]?.headers.has('x-forwarded-peer-port')).toBe(false);
  });

  it.each([true, null])(
    'that is neither enabled nor disabled ends the request: %s',
    async (answer: unknown) => {
      const { connect, reports } = await scene({
        decisions: { checkout: () => undefined, feature: () => answer as 'enabled' },
      });
      const client = await connect();
      client.send(EXPECT);
      expect((await client.response()).status).toBe(503);
      expect(reports).toMatchObject([{ where: 'feature' }]);
    },
  );
});
