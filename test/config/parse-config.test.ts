/** What a configuration may say, and what is answered when it says something else. */
import { describe, expect, it } from 'vitest';
import { type Config, parseConfig } from '../../src/config/config.ts';
import { type Problem, renderProblem } from '../../src/config/problem.ts';
import { parsePoolWish } from '../../src/config/routing-schema.ts';

const LOCAL = ['127.0.0.1', '::1', '192.0.2.7'];

function accepted(raw: unknown): Config {
  const parsed = parseConfig(raw, {}, LOCAL);
  if (!parsed.ok) throw new Error(parsed.problems.map((problem) => renderProblem(problem)).join('\n'));
  return parsed.value;
}

function problems(raw: unknown): readonly Problem[] {
  const parsed = parseConfig(raw, {}, LOCAL);
  return parsed.ok ? [] : parsed.problems;
}

const text = (raw: unknown) => problems(raw).map((problem) => renderProblem(problem));

const backend = (address: unknown) => ({ pools: { web: { backends: { 'web.1': { address } } } } });

const FILE_KEYS =
  'the keys $schema, listeners, admin, data, drainDelayMs, drainMs, accessLog, journal, pools, domains';

describe('parseConfig', () => {
  it('fills in every default of the listener and the process', () => {
    expect(accepted({})).toEqual({
      listeners: [
        {
          address: '0.0.0.0:8080',
          protocol: 'http',
          proxyProtocol: false,
          trustForwarded: [],
          probePath: null,
          halfClose: false,
          timeouts: { headersMs: 60_000, bodyIdleMs: 55_000, keepAliveMs: 60_000 },
          limits: {
            requestLineBytes: 8192,
            headerNameBytes: 1000,
            headerValueBytes: 8192,
            headers: 1000,
            headBytes: 65_536,
            trailerBytes: 16_384,
            connections: 20_000,
            connectionsPerAddress: 0,
          },
        },
      ],
      admin: { address: '127.0.0.1:8081', names: [] },
      data: './switchyard-data',
      drainDelayMs: 0,
      drainMs: 30_000,
      accessLog: 'logfmt',
      journal: { enabled: true, queryStrings: false, maxBytes: 2_147_483_648, maxAgeMs: 86_400_000 },
      routing: null,
    });
  });

  it('reads the example of the interface into sparse settings', () => {
    const { routing } = accepted({
      listeners: [{ address: '127.0.0.1:8080', protocol: 'http' }],
      admin: { address: '127.0.0.1:8081', token: 'secret' },
      pools: {
        web: {
          policy: 'least-request',
          backends: {
            'web.1': { address: '127.0.0.1:9001', weight: 1, maxConcurrency: 50 },
            'web.2': { address: '127.0.0.1:9002' },
          },
        },
      },
      domains: { 'Example.COM.': { pool: 'web' }, '*.example.com': { pool: 'web' }, '*': { pool: 'web' } },
    });
    expect([...routing!.domains.keys()].sort()).toEqual(['*', '*.example.com', 'example.com']);
    expect(Object.fromEntries(routing!.pools)).toEqual({
      web: {
        settings: {},
        backends: new Map([
          ['web.1', { address: '127.0.0.1:9001', maxConcurrency: 50 }],
          ['web.2', { address: '127.0.0.1:9002' }],
        ]),
      },
    });
  });

  it('gives a value that nobody can change', () => {
    const config = accepted(backend('127.0.0.1:9001'));
    expect(Object.isFrozen(config.listeners[0]!.limits)).toBe(true);
    expect(Object.isFrozen(config.routing!.pools.get('web' as never)!.settings)).toBe(true);
  });

  it('lets flags win over the file, and keeps the other settings of the listener they move', () => {
    const raw = { listeners: [{ address: '127.0.0.1:80', proxyProtocol: true }], data: './a' };
    const overrides = {
      listen: ['127.0.0.1:0', '[::1]:0'],
      admin: '127.0.0.1:0',
      data: './b',
      adminToken: 't',
    };
    const parsed = parseConfig(raw, overrides, LOCAL);
    expect(parsed).toMatchObject({
      ok: true,
      value: {
        listeners: [
          { address: '127.0.0.1:0', proxyProtocol: true },
          { address: '[::1]:0', proxyProtocol: false },
        ],
        admin: { address: '127.0.0.1:0', token: 't' },
        data: './b',
      },
    });
    const accessLogs = ['logfmt', false].map((accessLog) => {
      const said = parseConfig({ accessLog }, { json: true }, LOCAL);
      return said.ok && said.value.accessLog;
    });
    expect(accessLogs).toEqual(['json', false]);
  });

  it.each<[string, unknown, string]>([
    ['no object at all', null, `expected an object with ${FILE_KEYS}, found null`],
    ['a list', [], `expected an object with ${FILE_KEYS}, found an empty list`],
    [
      'the address of a backend in place of its settings',
      { pools: { web: { backends: { 'web.1': '127.0.0.1:9001' } } } },
      'pools.web.backends["web.1"]: expected an object with the keys address, weight, maxConcurrency, state, found "127.0.0.1:9001"',
    ],
    [
      'the name of a cookie in place of what holds it',
      { pools: { web: { affinity: 'SRV' } } },
      'pools.web.affinity: expected false or an object with the key cookie, found "SRV"',
    ],
    [
      'a list in place of names',
      { pools: { web: { backends: [{ address: '127.0.0.1:9001' }] } } },
      'pools.web.backends: expected an object with names as keys, found a list',
    ],
    [
      'the beginning of a key',
      { pools: { web: { timeouts: { connect: 5 } } } },
      'pools.web.timeouts.connect: expected one of the keys connectMs, firstByteMs, idleMs, upstreamKeepAliveMs, abortLingerMs, found an unknown key; did you mean "connectMs"?',
    ],
    [
      'a word that is not among those allowed',
      { pools: { web: { policy: 'round-robbin' } } },
      'pools.web.policy: expected one of "least-request", "round-robin", "random", "p2c", "peak-ewma", "consistent-hash", found "round-robbin"; did you mean "round-robin"?',
    ],
    [
      'a number out of bounds',
      { pools: { web: { backends: { 'web.1': { address: 'h:1', weight: 0 } } } } },
      'pools.web.backends["web.1"].weight: expected a whole number from 1 to 1000, found 0',
    ],
    [
      'a number that is not whole',
      { drainMs: 1.5 },
      'drainMs: expected a whole number from 0 to 86400000, found 1.5',
    ],
    [
      'a number in quotes',
      { drainMs: '30s' },
      'drainMs: expected a whole number from 0 to 86400000, found "30s"',
    ],
    [
      'a number where null or a number may stand',
      { pools: { web: { maxConcurrency: 'lots' } } },
      'pools.web.maxConcurrency: expected a whole number from 1 to 100000 or null, found "lots"',
    ],
    [
      'a union with a wrong word',
      { accessLog: 'jsno' },
      'accessLog: expected one of "logfmt", "json" or false, found "jsno"; did you mean "json"?',
    ],
    [
      'a backend without an address',
      { pools: { web: { backends: { 'web.1': {} } } } },
      'pools.web.backends["web.1"].address: expected a string (host:port, [v6]:port or unix:/path), found nothing',
    ],
    [
      'an address without a port',
      backend('localhost'),
      'pools.web.backends["web.1"].address: expected host:port, [v6]:port or unix:/path, found "localhost"',
    ],
    [
      'a port beyond the last',
      backend('localhost:65536'),
      'pools.web.backends["web.1"].address: expected host:port, [v6]:port or unix:/path, found "localhost:65536"',
    ],
    [
      'a listener without a port',
      { listeners: [{ address: 'localhost' }] },
      'listeners[0].address: expected host:port or [v6]:port, found "localhost"',
    ],
    [
      'a CIDR with too many bits',
      { listeners: [{ trustForwarded: ['10.0.0.0/8', '10.0.0.0/33'] }] },
      'listeners[0].trustForwarded[1]: expected an address or a CIDR such as 10.0.0.0/8, found "10.0.0.0/33"',
    ],
    ...['10.0.0.0/8/8', '10.0.0', 'fe80::1%eth0', '10.0.0.0/', '::/129'].map(
      (cidr): [string, unknown, string] => [
        `the CIDR ${cidr}`,
        { listeners: [{ trustForwarded: [cidr] }] },
        `listeners[0].trustForwarded[0]: expected an address or a CIDR such as 10.0.0.0/8, found "${cidr}"`,
      ],
    ),
    [
      'a probe path with a query',
      { listeners: [{ probePath: '/health?x' }] },
      'listeners[0].probePath: expected a path that starts with / and has no query, found "/health?x"',
    ],
    [
      'an unknown pool near a known one',
      { pools: { web: {} }, domains: { 'example.com': { pool: 'wbe' } } },
      'domains["example.com"].pool: expected the name of a pool, found "wbe", which does not exist; did you mean "web"?',
    ],
    [
      'pools in a Map',
      { pools: new Map([['web', {}]]) },
      'pools: expected an object with keys, found an object (Map)',
    ],
    [
      'backends in a Map',
      { pools: { web: { backends: new Map([['web.1', { address: '127.0.0.1:9001' }]]) } } },
      'pools.web.backends: expected an object with keys, found an object (Map)',
    ],
    ['a promise', Promise.resolve({}), 'expected an object with keys, found an object (Promise)'],
    [
      'a host with a port',
      { pools: { web: {} }, domains: { 'example.com:80': { pool: 'web' } } },
      'domains["example.com:80"]: expected a host name of at most 253 characters, *.host or *, found "example.com:80"',
    ],
    [
      'a name of the admin that is not ASCII',
      { admin: { names: ['bücher.example'] } },
      'admin.names[0]: expected the host name as DNS and requests write it, xn--bcher-kva.example, found "bücher.example"',
    ],
    [
      'a name of the admin that is none',
      { admin: { names: ['a b'] } },
      'admin.names[0]: expected a host name, found "a b"',
    ],
    [
      'a pool name with a slash',
      { pools: { 'a/b': {} } },
      'pools["a/b"]: expected a pool name of 1 to 100 letters, digits, dots, dashes or underscores that starts with a letter or digit, found "a/b"',
    ],
    [
      'a key of free choice that is none',
      { pools: { web: {} }, domains: { 'a.b': { pool: 'web', errorPages: { queue_fall: 'x' } } } },
      'domains["a.b"].errorPages.queue_fall: expected the word of an outcome that has a page, or error for all others, found an unknown key; did you mean "queue_full"?',
    ],
    [
      'a key of free choice in bad shape',
      { pools: { web: {} }, domains: { 'a.b': { pool: 'web', errorPages: { 'Bad Key': 'x' } } } },
      'domains["a.b"].errorPages["Bad Key"]: expected the word of an outcome, or error for all others, found the key "Bad Key"',
    ],
    [
      'a page of more bytes than letters',
      {
        pools: { web: {} },
        domains: { 'a.b': { pool: 'web', errorPages: { error: `${'ä'.repeat(32_768)}x` } } },
      },
      'domains["a.b"].errorPages.error: expected at most 65536 bytes of HTML, found 65537',
    ],
    [
      'one host in two spellings',
      { pools: { web: {} }, domains: { 'Example.com': { pool: 'web' }, 'example.com.': { pool: 'web' } } },
      'domains["example.com."]: expected each name once, found example.com a second time',
    ],
    [
      'a key that every object inherits',
      JSON.parse('{"domains": {"__proto__": {"pool": "web"}}}'),
      'domains.__proto__: expected no key here, found an unknown key',
    ],
    [
      'an admin address beyond loopback without a token',
      { admin: { address: '0.0.0.0:8081' } },
      'admin.token: expected a token, since the admin address is not on loopback, found 0.0.0.0:8081 without one',
    ],
    [
      'a token in place of the admin settings, without telling it',
      { admin: 'hunter2' },
      'admin: expected an object with the keys address, token, names, found something else',
    ],
    [
      'a token that no header can carry, without telling it',
      { admin: { token: 'open sesame' } },
      'admin.token: expected visible ASCII without spaces, found something else',
    ],
    [
      'a token that is no text, without telling it',
      { admin: { token: 12345678 } },
      'admin.token: expected a string of 1 to 4096 characters (bearer token that callers must send; required if the address is not on loopback), found something else',
    ],
    [
      'two listeners at one address',
      { listeners: [{ address: '127.0.0.1:80' }, { address: '127.1:80' }] },
      'listeners[1].address: expected an address of its own, found 127.1:80, which listeners[0].address has already',
    ],
    [
      'an admin address that is a listener',
      { listeners: [{ address: '[::1]:80' }], admin: { address: '[0:0::1]:80' } },
      'admin.address: expected an address of its own, found [0:0::1]:80, which listeners[0].address has already',
    ],
    [
      'more header fields than may be set',
      {
        pools: { web: {} },
        domains: {
          'a.test': {
            pool: 'web',
            headers: { response: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`x-${n}`, 'v'])) },
          },
        },
      },
      'domains["a.test"].headers.response: expected at most 50 fields, found 51',
    ],
  ])('refuses %s', (_what, raw, message) => {
    expect(text(raw)).toEqual([message]);
  });

  it.each<[unknown, string, string | undefined]>([
    [{ pools: { web: { polcy: 'random' } } }, 'pools.web.polcy', 'policy'],
    [{ pools: { web: { queue: { maxWait: 1 } } } }, 'pools.web.queue.maxWait', 'maxWaitMs'],
    [{ listeners: [{ limits: { headerBytes: 5 } }] }, 'listeners[0].limits.headerBytes', 'headBytes'],
    [{ domain: {} }, 'domain', 'domains'],
    [{ admin: { adress: 'x' } }, 'admin.adress', 'address'],
    [
      { pools: { web: { backends: { b: { address: 'h:1', max_concurrency: 1 } } } } },
      'pools.web.backends.b.max_concurrency',
      'maxConcurrency',
    ],
    [{ domains: { 'a.b': { pool: 'p', zzzzzzzz: 1 } } }, 'domains["a.b"].zzzzzzzz', undefined],
  ])('refuses the unknown key of %j with its path and the nearest known key', (raw, path, meant) => {
    expect(problems(raw)).toMatchObject([
      { path, found: 'an unknown key', expected: expect.stringMatching(/^one of the keys /) },
    ]);
    expect(problems(raw)[0]!.nearest).toBe(meant);
  });

  it('tells everything that is wrong at once', () => {
    const raw = { drainMs: -1, pools: { web: { queue: { maxWaiting: -1, maxWait: 3 } } } };
    expect(problems(raw).map((problem) => problem.path)).toEqual([
      'drainMs',
      'pools.web.queue.maxWaiting',
      'pools.web.queue.maxWait',
    ]);
  });

  it('refuses a range of statuses whose ends are the wrong way round', () => {
    const pool = (statuses: string) => ({
      health: { active: { path: '/', statuses }, passive: { outlier: { statuses: [503, statuses] } } },
      retries: { statuses: [statuses] },
    });
    expect(problems({ pools: { web: pool('500-500') } })).toEqual([]);
    const found = { expected: 'a range from low to high such as 500-599', found: '"599-500"' };
    expect(problems({ pools: { web: pool('599-500') } })).toEqual([
      { path: 'pools.web.health.passive.outlier.statuses[1]', ...found },
      { path: 'pools.web.health.active.statuses', ...found },
      { path: 'pools.web.retries.statuses[0]', ...found },
    ]);
    const wish = parsePoolWish(pool('599-500'));
    expect(wish.ok ? [] : wish.problems.map(({ path }) => path)).toContain('retries.statuses[0]');
  });

  it('looks for what was meant for as many as are shown', () => {
    const letters = Array.from({ length: 150 }, (_, at) => String.fromCharCode(97 + (at % 26), 97 + at / 26));
    const errorPages = Object.fromEntries(letters.map((two) => [`queue_full${two}`, '']));
    const found = problems({ pools: { web: {} }, domains: { '*': { pool: 'web', errorPages } } });
    expect(found.map(({ nearest }) => nearest)).toEqual([
      ...Array(100).fill('queue_full'),
      ...Array(50).fill(undefined),
    ]);
  });

  it('tells at once which pools there are not, however many there are', () => {
    const names = Array.from({ length: 100_000 }, (_, at) => `application-number-${at}`);
    const pools = Object.fromEntries(names.map((name) => [name, {}]));
    const hosts = Array.from({ length: 100 }, (_, at) => [
      `${at}.example`,
      { pool: `applicatoin-number-${at}` },
    ]);
    const found = problems({ pools, domains: Object.fromEntries(hosts) });
    expect(found).toHaveLength(100);
    expect(found[0]!.nearest).toBe('application-number-0');
  });

  it('accepts an admin address beyond loopback once there is a token, and any on it without', () => {
    expect(accepted({ admin: { address: '0.0.0.0:8081', token: 't' } }).admin.token).toBe('t');
    for (const address of ['localhost:8081', 'admin.localhost:8081', '127.9.9.9:8081', '[::1]:8081'])
      expect(accepted({ admin: { address } }).admin.token).toBeUndefined();
  });
});

describe('an address that is our own listener', () => {
  const listening = (listener: string, address: string) =>
    text({ listeners: [{ address: listener }], ...backend(address) });

  it.each([
    ['127.0.0.1:8080', '127.0.0.1:8080'],
    ['127.0.0.1:8080', '127.1:8080'],
    ['127.0.0.1:8080', 'localhost:8080'],
    ['127.0.0.1:8080', 'LOCALHOST:8080'],
    ['127.0.0.1:8080', '[::ffff:127.0.0.1]:8080'],
    ['127.0.0.1:8080', '0.0.0.0:8080'],
    ['localhost:8080', '[::1]:8080'],
    ['0.0.0.0:8080', '127.0.0.9:8080'],
    ['0.0.0.0:8080', '192.0.2.7:8080'],
    ['[::]:8080', '127.0.0.1:8080'],
    ['0.0.0.0:80', '127.0.0.1:8081'],
  ])('is refused: listening on %s, backend %s', (listener, address) => {
    const admin = address.endsWith(':8081') ? '127.0.0.1:8081' : listener;
    expect(listening(listener, address)).toEqual([
      `pools.web.backends["web.1"].address: expected the address of a backend, found ${address}, which is our own listener ${admin}`,
    ]);
  });

  it.each([
    ['127.0.0.1:8080', '127.0.0.1:8082'],
    ['127.0.0.1:8080', '127.0.0.2:8080'],
    ['127.0.0.1:8080', '192.0.2.7:8080'],
    ['0.0.0.0:8080', '192.0.2.8:8080'],
    ['127.0.0.1:0', '127.0.0.1:9000'],
    ['127.0.0.1:8080', 'unix:/run/app:8080'],
  ])('is told from others: listening on %s, backend %s', (listener, address) => {
    expect(listening(listener, address)).toEqual([]);
  });
});
