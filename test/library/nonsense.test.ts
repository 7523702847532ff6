/** What callbacks answer that is no answer: each ends its request, and is told by what was expected and what was found. */
import { describe, expect, it } from 'vitest';
import { type Decisions, refuse } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { RawClient } from '../support/raw-client.ts';
import { backendThat, GET } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { bare, local, scene } from './scene.ts';

const DOMAIN = 'expected a domain, a redirect, a refusal or undefined, found';
const ORIGIN = 'expected a host or an http origin without a path, found';
const ADDRESS = 'expected the address of a backend, host and port, found';
const SOCKET = 'expected the path of a socket, which begins with /, found';
const HEADERS = 'expected headers, an object or a list of pairs, found';
const PAIR = "expected a pair of a header's name and value, found";
const VALUE = 'expected a value for X-A of visible characters on one line, found';

const NONSENSE: readonly (readonly [callback: keyof Decisions, answer: unknown, told: string])[] = [
  ['lookupDomain', null, `${DOMAIN} null`],
  ['lookupDomain', 'app.test', `${DOMAIN} "app.test"`],
  ['lookupDomain', {}, `${DOMAIN} an object`],
  ['lookupDomain', { domain: undefined }, `${DOMAIN} an object`],
  ['lookupDomain', { domain: null }, `${DOMAIN} an object`],
  ['lookupDomain', { redirect: 5 }, 'expected a host or an origin, found 5'],
  ['lookupDomain', { redirect: 'a.test\r\nX: y' }, `${ORIGIN} "a.test\\r\\nX: y"`],
  ['backendOf', undefined, 'expected where a backend is, found nothing'],
  ['backendOf', null, 'expected where a backend is, found null'],
  ['backendOf', {}, `${ADDRESS} nothing and nothing`],
  ['backendOf', { host: '127.0.0.1', port: '80' }, `${ADDRESS} "127.0.0.1" and "80"`],
  ['backendOf', 'http://127.0.0.1:80', `${ADDRESS} "http://127.0.0.1:80"`],
  ['backendOf', '127.0.0.1:0', `${ADDRESS} "127.0.0.1:0"`],
  ['backendOf', '127.0.0.1:0x50', `${ADDRESS} "127.0.0.1:0x50"`],
  ['backendOf', '127.0.0.1: 80', `${ADDRESS} "127.0.0.1: 80"`],
  ['backendOf', '127.0.0.1:1e3', `${ADDRESS} "127.0.0.1:1e3"`],
  ['backendOf', '::1:80', `${ADDRESS} "::1:80"`],
  ['backendOf', '[127.0.0.1]:80', `${ADDRESS} "[127.0.0.1]:80"`],
  ['backendOf', { host: '[::1', port: 80 }, `${ADDRESS} "[::1" and 80`],
  ['backendOf', { address: 5 }, 'expected the address of a backend, host:port, found 5'],
  ['backendOf', { path: 5 }, `${SOCKET} 5`],
  ['backendOf', 'unix:socket', `${SOCKET} "socket"`],
  ['backendOf', { path: '/a\0b' }, `${SOCKET} "/a\\u0000b"`],
  ['backendOf', { host: '127.0.0.1', port: 80, name: {} }, 'expected the name of a backend, found an object'],
  ['additionalHeaders', null, `${HEADERS} null`],
  ['additionalHeaders', 'X-A: 1', `${HEADERS} "X-A: 1"`],
  ['additionalHeaders', ['X-A', '1'], `${PAIR} "X-A"`],
  ['additionalHeaders', [['X-A']], `${PAIR} a list`],
  ['additionalHeaders', { 'X-A': undefined }, `${VALUE} nothing`],
  ['additionalHeaders', { 'X-A': ['1', null] }, `${VALUE} null`],
  ['checkout', null, 'expected a service, a refusal or undefined, found null'],
  ['checkout', { refuse: '' }, 'expected a word for the refusal, found ""'],
  [
    'checkout',
    refuse('no', { code: 'H\n99' }),
    'expected a code such as H10 for the refusal no, found "H\\n99"',
  ],
  ['checkout', { refuse: 'no', desc: 5 }, 'expected words for the refusal no, found 5'],
];

describe('an answer that is none', () => {
  it('of checkout, where the service is its own address, is told of checkout', async () => {
    const reports: string[] = [];
    const { port } = await bare(
      { checkout: () => 'nowhere' },
      { report: ({ where }) => reports.push(where) },
    );
    expect((await (await RawClient.connect(port)).request(GET)).body).toContain('H99');
    expect(reports).toEqual(['checkout']);
  });

  it.each(NONSENSE)('of %s: %j', async (callback, answer, told) => {
    const backend = await backendThat(() => ok());
    const { calls, connect, reports } = await scene({
      decisions: { checkout: () => local(backend.port), [callback]: () => answer },
    });
    expect((await (await connect()).request(GET)).body).toContain('H99');
    expect(reports.map(({ where, error }) => [where, String(error)])).toEqual([
      [callback, `TypeError: ${told}`],
    ]);
    await eventually(() => calls.at(-1) === 'finished internal_error', 'the end');
    expect(backend.requests).toEqual([]);
  });

  it.each([
    [null, 'expected a page with status and body, found null'],
    ['<h1>sorry</h1>', 'expected a page with status and body, found "<h1>sorry</h1>"'],
    [{ status: '503', body: '' }, 'expected a status from 200 to 599 that has a body, found "503"'],
    [{ status: 503 }, 'expected a body of text or bytes, found nothing'],
  ])('of errorPage: %j', async (answer, told) => {
    const { connect, reports } = await scene({
      decisions: { checkout: () => undefined, errorPage: () => answer as never },
    });
    expect((await (await connect()).request(GET)).body).toContain('H14');
    expect(reports.map(({ where, error }) => [where, String(error)])).toEqual([
      ['errorPage', `TypeError: ${told}`],
    ]);
  });
});

it.each([
  ['pairs', [['X-A', '1']]],
  ['numbers', { 'X-A': 1 }],
  ['a Map', new Map([['X-A', '1']])],
  ['Headers', new Headers({ 'X-A': '1' })],
])('additional headers may be %s', async (_what, headers) => {
  const backend = await backendThat(() => ok());
  const { connect } = await scene({
    decisions: { checkout: () => local(backend.port), additionalHeaders: () => headers as [] },
  });
  const response = await (await connect()).request(GET);
  expect(response).toMatchObject({ status: 200 });
  expect(response.headers.get('x-a')).toBe('1');
  expect(backend.requests[0]?.headers.get('x-a')).toBe('1');
});

it('a backend may be said by a URL’s host', async () => {
  const { calls, connect } = await scene({
    decisions: { checkout: () => ({ host: '[::1]', port: 1 }) },
    retries: { attempts: 1 },
  });
  expect((await (await connect()).request(GET)).body).toContain('H21');
  expect(calls).toContain('checkin connecting connect_refused');
});
