/** vegur-parity.md, 7c: Expect and 100 (Continue). Unless said, the domain lets them go end to end. */
import { describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import { begun, between, CONTINUE, DEEP, EXPECT, exchange, H, OK43, PLAIN, SWITCH, WS } from './parity.ts';

const BODY = '0123456789';

describe('an end-to-end 100', () => {
  it('case 33 goes back and forth, and the connection of the client stays', async () => {
    const { client, connection, head } = await begun(EXPECT, DEEP);
    expect(head).toContain('\r\nExpect: 100-continue\r\n');
    connection.send(CONTINUE);
    await client.receives('\r\n\r\n');
    expect(client.received).toBe(CONTINUE);
    client.received = '';
    client.send(BODY);
    await connection.receives(BODY);
    connection.send(OK43);
    expect(await client.response()).toMatchObject({
      status: 200,
      body: expect.stringContaining('forty-three'),
    });
    await pause(20);
    expect(client.over).toBe(false);
  });

  it('case 34 that does not come is not waited for: the body goes through at once', async () => {
    const { client, connection } = await begun(EXPECT, DEEP);
    await pause(100);
    expect(client.received).toBe('');
    client.send(BODY);
    await connection.receives(BODY);
    connection.send(OK43);
    expect((await client.response()).status).toBe(200);
  });

  it('unlike case 35 that comes a second time, after the body, is passed on and no error', async () => {
    const { client, connection } = await begun(EXPECT, DEEP);
    connection.send(CONTINUE);
    await client.receives(CONTINUE);
    client.send(BODY);
    await connection.receives(BODY);
    connection.send(CONTINUE + OK43);
    await client.receives('forty-three');
    expect(client.total).toMatch(/^(?:HTTP\/1\.1 100 Continue\r\n\r\n){1,2}HTTP\/1\.1 200 /);
  });

  it('case 36 that a final status makes needless ends both connections', async () => {
    const { client, connection } = await begun(EXPECT, DEEP);
    connection.send(OK43);
    const response = await client.response();
    expect(response).toMatchObject({ status: 200, complete: true });
    expect(response.headers.get('connection')).toBe('close');
    await client.ends();
    await connection.ends();
  });

  it('unlike case 37 that never came, for a body that did, costs no connection', async () => {
    const { client, connection } = await begun(EXPECT + BODY, DEEP);
    await connection.receives(BODY);
    connection.send(OK43);
    expect((await client.response()).headers.get('connection')).toBe('keep-alive');
    await pause(20);
    expect(client.over).toBe(false);
  });

  it('case 38 nobody asked for is passed on to HTTP/1.1', async () => {
    const { client } = await between(() => CONTINUE + OK43, DEEP);
    expect((await client.request(PLAIN)).status).toBe(100);
    expect((await client.response()).status).toBe(200);
  });

  it('case 39 nobody asked for is kept from HTTP/1.0', async () => {
    const { client } = await between(() => CONTINUE + OK43, DEEP);
    expect((await client.request(PLAIN.replace('HTTP/1.1', 'HTTP/1.0'))).status).toBe(200);
    await client.ends();
    expect(client.total).not.toContain('Continue');
  });

  it('case 46 leaves its fields behind, and the exchange goes on', async () => {
    const { client, connection } = await begun(EXPECT, DEEP);
    connection.send('HTTP/1.1 100 Continue\r\nConnection: close\r\nX-A: b\r\n\r\n');
    await client.receives('\r\n\r\n');
    expect(client.received).toBe(CONTINUE);
    client.received = '';
    client.send(BODY);
    await connection.receives(BODY);
    connection.send(OK43);
    expect((await client.response()).status).toBe(200);
  });

  it('unlike case 47 nobody says anything after: the backend is late, whose word the client waits for', async () => {
    const { client, connection, router } = await begun(EXPECT, {
      ...DEEP,
      accessLog: 'logfmt',
      pool: { timeouts: { firstByteMs: 60, abortLingerMs: 20 } },
    });
    expect((await client.response()).status).toBe(503);
    await connection.ends();
    await eventually(() => router.log.includes('code=H12'), 'a line with H12');
  });
});

describe('what is expected', () => {
  it.each([
    ['case 40 that nobody knows: 417', 'POST', 'whatever', 417],
    ['case 41 that is almost right: 417', 'GET', '100-stay', 417],
    ['case 42 with a blank inside: 400', 'GET', '100 continue', 400],
    ['case 43 that is nothing', 'GET', '', 200],
  ])('%s', async (_case, method, value, status) => {
    const { response, backend } = await exchange(`${method} / HTTP/1.1\r\n${H}Expect: ${value}\r\n\r\n`);
    expect(response.status).toBe(status);
    expect(backend.requests.length).toBe(status === 200 ? 1 : 0);
  });
});

describe('a 100 by the router', () => {
  it('case 44 lets the body come, and the backend knows nothing of it', async () => {
    const { client, backend } = await between(() => OK43);
    client.send(EXPECT);
    await client.receives('\r\n\r\n');
    expect(client.received).toBe(CONTINUE);
    client.received = '';
    client.send(BODY);
    expect(await client.response()).toMatchObject({ status: 200 });
    expect(backend.requests[0]?.headers.has('expect')).toBe(false);
    expect(backend.requests[0]?.body).toBe(BODY);
    expect(client.over).toBe(false);
  });

  it('case 45 may be followed by a 503, and then the connection ends', async () => {
    const { client } = await between(() => OK43, { backends: {} });
    expect((await client.request(EXPECT)).status).toBe(100);
    const response = await client.response();
    expect(response).toMatchObject({ status: 503, complete: true });
    expect(response.headers.get('connection')).toBe('close');
    await client.ends();
  });
});

describe('an upgrade that expects', () => {
  it('case 48 gets its 100, sends its body, is switched and talks', async () => {
    const { client, connection } = await begun(WS, DEEP);
    connection.send(CONTINUE);
    await client.receives(CONTINUE);
    client.received = '';
    client.send(BODY);
    await connection.receives(BODY);
    connection.send(SWITCH);
    expect((await client.response()).status).toBe(101);
    client.send('ping');
    await connection.receives('ping');
    connection.send('pong');
    await client.receives('pong');
  });

  it('case 49 may be switched without a 100', async () => {
    const { client, connection } = await begun(WS, DEEP);
    connection.send(SWITCH);
    expect((await client.response()).status).toBe(101);
    client.send('ping');
    await connection.receives('ping');
    connection.send('pong');
    await client.receives('pong');
  });
});
