import { describe, expect, it } from 'vitest';
import { refuse } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { backendThat, GET, get } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { local, scene } from './scene.ts';

describe('a lookup', () => {
  it('redirects with scheme, path and query kept (168)', async () => {
    const { calls, connect } = await scene({
      decisions: {
        lookupDomain: (host) =>
          host === 'vegurtest.oldstub' ? { redirect: 'vegurtest.vegur' } : { domain: host },
        checkout: () => undefined,
      },
    });
    const client = await connect();
    const response = await client.request(
      'GET /query_line?foo=bar HTTP/1.1\r\nHost: vegurtest.oldstub\r\n\r\n',
    );
    expect(response).toMatchObject({ status: 301, body: '' });
    expect(response.headers.get('location')).toBe('http://vegurtest.vegur/query_line?foo=bar');
    expect(response.headers.get('connection')).toBe('keep-alive');
    expect(calls).toEqual(['init', 'lookupDomain vegurtest.oldstub', 'finished redirected']);
  });

  it.each([
    ['new.test:8443', 302, 'http://new.test:8443/a?b'],
    ['https://new.test', 308, 'https://new.test/a?b'],
    ['https://new.test/', 307, 'https://new.test/a?b'],
  ] as const)('redirects to %s with %i', async (redirect, status, location) => {
    const { connect } = await scene({
      decisions: { lookupDomain: () => ({ redirect, status }), checkout: () => undefined },
    });
    const client = await connect();
    const response = await client.request(get('/a?b'));
    expect(response.status).toBe(status);
    expect(response.headers.get('location')).toBe(location);
  });

  it.each([
    ...['new.test/path', 'a b', 'x\r\nSet-Cookie: a=b', 'user@new.test', '', 'new.test?q'],
    ...['new\t.test', 'new.test\\path', 'new.test#a', 'javascript://new.test', 'ftp://new.test'],
  ])('that redirects to %j is a failed one', async (redirect) => {
    const { connect, reports } = await scene({
      decisions: { lookupDomain: () => ({ redirect }), checkout: () => undefined },
    });
    const client = await connect();
    const response = await client.request(GET);
    expect(response.status).toBe(503);
    expect(response.headers.get('location')).toBeUndefined();
    expect(reports).toMatchObject([{ where: 'lookupDomain' }]);
  });

  it('that finds nothing is a 404', async () => {
    const { calls, connect } = await scene({
      decisions: { lookupDomain: () => undefined, checkout: () => undefined },
    });
    const client = await connect();
    expect((await client.request(GET)).status).toBe(404);
    expect(calls).toEqual([
      'init',
      'lookupDomain app.test',
      'errorPage domain_unknown undefined',
      'finished domain_unknown',
    ]);
  });
});

// vegur-parity 7n: the status of the reference callback, and the code that shared meaning gives the word.
const WORDS = [
  ['169', 'maintainance_mode_on', 503, 'H80'],
  ['170', 'no_route_id', 502, 'H99'],
  ['171', 'backlog_timeout', 503, 'H11'],
  ['172', 'backlog_too_deep', 503, 'H11'],
  ['173', 'conn_limit_reached', 503, 'H22'],
  ['174', 'route_lookup_failed', 503, 'H99'],
  ['175', 'no_web_processes', 503, 'H14'],
  ['176', 'crashed', 503, 'H10'],
  ['177', 'backends_quarantined', 503, 'H34'],
  ['178', 'backends_starting', 503, 'H20'],
  ['179', 'backends_idle', 503, 'H20'],
  ['180', 'app_blank', 503, 'H81'],
  ['181', 'app_not_found', 404, ''],
  ['182', 'app_lookup_failed', 503, 'H99'],
] as const;

describe('a refusal', () => {
  it.each(WORDS)('(%s) of lookup or checkout as %s is a %i', async (_case, word, status, code) => {
    let log = '';
    const { calls, connect } = await scene({
      accessLog: 'logfmt',
      writeLog: (lines) => {
        log += lines;
      },
      decisions: {
        lookupDomain: (host) => (host === 'lookup.test' ? refuse(word) : { domain: host }),
        checkout: () => refuse(word),
      },
    });
    const client = await connect();
    for (const host of ['lookup.test', 'checkout.test']) {
      const response = await client.request(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect(response.status).toBe(status);
      expect(response.body).toContain(code);
      expect(response.headers.get('connection')).toBe('keep-alive');
    }
    expect(calls.filter((call) => call.startsWith('errorPage'))).toEqual([
      `errorPage ${word} undefined`,
      `errorPage ${word} checkout.test`,
    ]);
    expect(calls.filter((call) => call.startsWith('checkin'))).toEqual([]);
    await eventually(() => log.split('\n').length === 3, 'two lines');
    if (code === '') expect(log).not.toContain('code=');
    else expect(log).toContain(`code=${code} desc=`);
    expect(log).toContain(`status=${status}`);
  });

  it('by one of the router’s own words ends as that', async () => {
    const { calls, connect, yard } = await scene({ decisions: { checkout: () => refuse('queue_full') } });
    const client = await connect();
    expect((await client.request(GET)).body).toContain('H11');
    expect(calls.at(-1)).toBe('finished queue_full');
    expect(yard.metrics().pools['library']?.requests).toEqual({ H11: 1 });
  });

  it('by a word of the program’s may bring status, code and words along', async () => {
    const outcomes: unknown[] = [];
    const { connect } = await scene({
      decisions: {
        checkout: () => refuse('over_quota', { status: 429, code: 'Q1', desc: 'Over quota' }),
        finished: (_request, outcome, figures) => void outcomes.push({ ...outcome, status: figures.status }),
      },
    });
    const client = await connect();
    const response = await client.request(GET);
    expect(response.status).toBe(429);
    expect(response.body).toContain('Q1');
    expect(outcomes).toEqual([
      {
        type: 'refused',
        reason: 'over_quota',
        phase: 'checkout',
        blame: 'router',
        detail: 'over_quota',
        status: 429,
      },
    ]);
  });

  it.each([200, 399, 499, 600, 404.5])('with status %d is none', async (status) => {
    const { connect, reports } = await scene({ decisions: { checkout: () => refuse('no', { status }) } });
    const client = await connect();
    expect((await client.request(GET)).status).toBe(503);
    expect(reports).toMatchObject([{ where: 'checkout' }]);
  });

  it('comes after the 100 where the router says it itself (45)', async () => {
    const { connect, calls } = await scene({ decisions: { checkout: () => refuse('no_web_processes') } });
    const client = await connect();
    client.send('POST /c HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n');
    expect((await client.response()).status).toBe(100);
    expect((await client.response()).status).toBe(503);
    expect(calls.slice(1, 4)).toEqual(['lookupDomain app.test', 'feature end-to-end-continue', 'checkout 1']);
  });
});

describe('an error page of the program’s', () => {
  const page = { status: 418, headers: { 'X-Page': 'mine', 'content-type': 'text/plain' }, body: 'tea é' };

  it('is sent in the place of the router’s, with its headers', async () => {
    const { connect } = await scene({
      decisions: { checkout: () => undefined, errorPage: async () => page },
    });
    const client = await connect();
    const response = await client.request(GET);
    expect(response.status).toBe(418);
    expect(Buffer.from(response.body, 'latin1').toString()).toBe('tea é');
    expect(response.headers.get('x-page')).toBe('mine');
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect((await client.request(GET)).status).toBe(418);
  });

  it('may be bytes, is HTML unless it says otherwise, and has no body for HEAD', async () => {
    const { connect } = await scene({
      decisions: {
        checkout: () => undefined,
        errorPage: () => ({ status: 503, body: new Uint8Array([1, 2, 255]) }),
      },
    });
    const client = await connect();
    const response = await client.request(GET);
    expect(response.body).toBe('\x01\x02\xff');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const head = await client.request(GET.replace('GET', 'HEAD'));
    expect(head.headers.get('content-length')).toBe('3');
    expect((await client.request(GET)).status).toBe(503);
  });

  it('may have a Date of its own, which is then the only one', async () => {
    const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
    const { connect } = await scene({
      decisions: { checkout: () => undefined, errorPage: () => ({ ...page, headers: { date } }) },
    });
    const client = await connect();
    expect((await client.request(GET)).headers.get('date')).toBe(date);
  });

  it('serves the failures of backends too', async () => {
    const backend = await backendThat(() => 'nonsense\r\n\r\n');
    const { connect } = await scene({
      decisions: {
        checkout: () => local(backend.port),
        errorPage: (reason, domain) => ({ status: 502, body: `${reason} ${domain}` }),
      },
    });
    const client = await connect();
    const response = await client.request(GET);
    expect(response).toMatchObject({ status: 502, body: 'response_invalid app.test' });
  });

  it.each([
    ['a status that ends nothing', { status: 100, body: '' }],
    ['a status without a body', { status: 204, body: '' }],
    ['a header that frames', { status: 500, headers: { 'Content-Length': '0' }, body: '' }],
    ['a header that is two', { status: 500, headers: { a: 'b\r\nc: d' }, body: '' }],
    ['no body', { status: 500 } as { status: number; body: string }],
  ])('with %s is reported, and the router’s own is sent', async (_what, bad) => {
    const { connect, reports } = await scene({
      decisions: { checkout: () => undefined, errorPage: () => bad },
    });
    const client = await connect();
    const response = await client.request(GET);
    expect(response.status).toBe(503);
    expect(response.body).toContain('H14');
    expect(reports).toMatchObject([{ where: 'errorPage' }]);
  });

  it('is not waited for by a client that has left', async () => {
    const { calls, connect, yard } = await scene({
      decisions: { checkout: () => undefined, errorPage: () => new Promise(() => {}) },
    });
    const client = await connect();
    client.send(GET);
    await eventually(() => calls.includes('errorPage no_backends app.test'), 'the page asked for');
    client.close();
    await eventually(() => calls.includes('finished no_backends'), 'the end');
    expect(yard.metrics().totals).toMatchObject({ connections: 0, inFlight: 0 });
  });

  it('is not asked for where a response has begun', async () => {
    const backend = await backendThat((_request, connection) => {
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345').end();
      return undefined;
    });
    const { calls, connect } = await scene({ decisions: { checkout: () => local(backend.port) } });
    const client = await connect();
    expect(await client.request(GET)).toMatchObject({ status: 200, complete: false });
    await eventually(() => calls.at(-1) === 'finished response_interrupted', 'the end');
    expect(calls.some((call) => call.startsWith('errorPage'))).toBe(false);
  });
});

it('a backend is reached after a refusal on the same client connection', async () => {
  const backend = await backendThat(() => ok());
  const { connect } = await scene({
    decisions: {
      checkout: (_d, request) => (request.path === '/no' ? refuse('app_blank') : local(backend.port)),
    },
  });
  const client = await connect();
  client.send(get('/no') + get('/yes'));
  expect((await client.response()).status).toBe(503);
  expect((await client.response()).status).toBe(200);
});
