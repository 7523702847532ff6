/** Routes and affinity over real sockets, through owners, log, table and ledger as a program has them. */
import { describe, expect, it } from 'vitest';
import { parseLocation } from '../../eventlog/index.ts';
import { createSwitchyard, type RoutedOptions } from '../../src/index.ts';
import { locationOf } from '../../src/proxy/route/redirect.ts';
import { blackHole } from '../support/black-hole.ts';
import { RawClient, type RawResponse } from '../support/raw-client.ts';
import { backendThat, closing } from '../support/routed.ts';
import { ok, type Script } from '../support/scripted-backend.ts';

type Wish = Record<string, unknown>;

const ASK = { method: 'GET', fields: [] as readonly string[] };

class Yard {
  readonly yard: ReturnType<typeof createSwitchyard> & { readonly desk: { putDomain: unknown } };
  readonly port: number;
  constructor(yard: Yard['yard'], port: number) {
    this.yard = yard;
    this.port = port;
  }

  /** On a connection of its own. */
  async ask(path: string, { method, fields }: typeof ASK = ASK): Promise<RawResponse> {
    const client = await RawClient.connect(this.port);
    const lines = fields.map((field) => `${field}\r\n`).join('');
    const head = `${method} ${path} HTTP/1.1\r\nHost: app.test:8080\r\n${lines}\r\n`;
    return client.request(head, { method }).finally(() => client.close());
  }

  async body(path: string, ...fields: readonly string[]): Promise<string> {
    return (await this.ask(path, { method: 'GET', fields })).body;
  }
}

/** A pool by each name, with a backend that says that name; `web` serves the domain. */
async function yardWith(routes: readonly Wish[], names: readonly string[] = ['web', 'api'], pool: Wish = {}) {
  const pools: Record<string, Wish> = {};
  for (const name of names) {
    const backend = await backendThat(() => ok(name));
    pools[name] = { ...pool, backends: { [`${name}.1`]: { address: `127.0.0.1:${backend.port}` } } };
  }
  return start({ pools, domains: { 'app.test': { pool: 'web', routes } } });
}

async function start(options: Wish, lines?: string[]) {
  const yard = closing(
    createSwitchyard({
      listeners: [{ address: '127.0.0.1:0' }],
      ...(lines === undefined
        ? {}
        : { accessLog: 'json', writeLog: (text: string) => void lines.push(text) }),
      ...options,
    } as unknown as RoutedOptions),
  );
  const [address = ''] = await yard.listen();
  return new Yard(yard as Yard['yard'], Number(address.slice(address.lastIndexOf(':') + 1)));
}

describe('a route', () => {
  it('takes requests to its pool, by path, method and header, and leaves the others alone', async () => {
    const yard = await yardWith(
      [
        { match: { pathPrefix: '/api' }, pool: 'api' },
        { match: { pathPrefix: '/api', headers: { 'X-Beta': '1' } }, pool: 'beta' },
        { match: { pathRegex: '^/v[0-9]+/' }, pool: 'versioned' },
        { match: { methods: ['DELETE'] }, pool: 'deletes' },
        { match: { pathPrefix: '/api/own' } },
      ],
      ['web', 'api', 'beta', 'versioned', 'deletes'],
    );
    expect(await yard.body('/')).toBe('web');
    expect(await yard.body('/apiary')).toBe('web');
    expect(await yard.body('/api?x=/v1/')).toBe('api');
    expect(await yard.body('http://app.test:8080/api/1')).toBe('api');
    expect(await yard.body('/api/1', 'x-beta: 1')).toBe('beta');
    expect(await yard.body('/api/1', 'x-beta: 1', 'X-Beta: 1')).toBe('api');
    expect(await yard.body('/api/own/1')).toBe('web');
    expect(await yard.body('/v12/a')).toBe('versioned');
    expect((await yard.ask('/x', { ...ASK, method: 'DELETE' })).body).toBe('deletes');
  });

  it('is in force when its domain has been put, and gone when it has been put without', async () => {
    const yard = await yardWith([]);
    const desk = yard.yard.desk as unknown as { putDomain(host: string, wish: Wish): Promise<unknown> };
    expect(await yard.body('/api')).toBe('web');
    await desk.putDomain('app.test', {
      pool: 'web',
      routes: [{ match: { pathPrefix: '/api' }, pool: 'api' }],
    });
    expect(await yard.body('/api')).toBe('api');
    await desk.putDomain('app.test', { pool: 'web' });
    expect(await yard.body('/api')).toBe('web');
  });

  describe('has time-outs of its own', () => {
    // The pool's are a minute, so that whoever gave up in time gave up by the route's.
    const LONG = { connectMs: 60_000, firstByteMs: 60_000, idleMs: 60_000 };
    async function quickOver(port: number, quick: Wish): Promise<Yard> {
      return start({
        pools: { web: { timeouts: LONG, backends: { 'web.1': { address: `127.0.0.1:${port}` } } } },
        domains: {
          'app.test': { pool: 'web', routes: [{ match: { pathPrefix: '/quick' }, timeouts: quick }] },
        },
      });
    }

    it('for the first byte', async () => {
      const silent = await backendThat(() => undefined);
      const yard = await quickOver(silent.port, { firstByteMs: 50 });
      expect((await yard.ask('/quick')).status).toBe(503);
    });

    it('to connect', async () => {
      const hole = closing(await blackHole());
      const yard = await quickOver(hole.port, { connectMs: 100 });
      expect((await yard.ask('/quick')).status).toBe(503);
    });

    it('beside those of its pool, also where these have changed since', async () => {
      const silent = await backendThat(() => undefined);
      const answering = await backendThat(() => ok());
      const yard = await quickOver(answering.port, { connectMs: 5000 });
      expect((await yard.ask('/quick')).status).toBe(200);
      const desk = yard.yard.desk as unknown as {
        putBackend(pool: string, id: string, wish: Wish): Promise<unknown>;
        putPool(name: string, wish: Wish): Promise<unknown>;
      };
      await desk.putBackend('web', 'web.1', { address: `127.0.0.1:${silent.port}` });
      await desk.putPool('web', { timeouts: { firstByteMs: 50 } });
      expect((await yard.ask('/quick')).body).toContain('H12');
    });

    it('between bytes', async () => {
      const halting = await backendThat((_request, connection) => {
        connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
        return undefined;
      });
      const yard = await quickOver(halting.port, { idleMs: 50 });
      expect(await yard.ask('/quick')).toMatchObject({ status: 200, complete: false });
    });
  });

  it('is a redirect where it says so, with what it takes from the request made harmless', async () => {
    const yard = await yardWith([
      {
        match: { pathPrefix: '/literal' },
        redirect: { status: 301, location: 'https://example.org/new?a=b#c' },
      },
      { match: { pathPrefix: '/whole' }, redirect: { location: 'https://{host}{path}{query}' } },
      { match: { pathPrefix: '/old' }, redirect: { status: 302, location: '/new{rest}{query}' } },
      { match: { pathPrefix: '/out' }, redirect: { status: 307, location: '{rest}' } },
      { match: { methods: ['OPTIONS'] }, redirect: { status: 303, location: 'https://example.org{path}' } },
    ]);
    const to = async (path: string, method = 'GET') => {
      const { status, headers, body } = await yard.ask(path, { ...ASK, method });
      expect(body).toBe('');
      return `${status} ${headers.get('location')}`;
    };
    expect(await to('/literal/x?y=z')).toBe('301 https://example.org/new?a=b#c');
    expect(await to('/whole/a%20b?x=1&y')).toBe('308 https://app.test/whole/a%20b?x=1&y');
    expect(await to('/whole', 'POST')).toBe('308 https://app.test/whole');
    expect(await to('/old/page?x')).toBe('302 /new/page?x');
    expect(await to('/old', 'HEAD')).toBe('302 /new');
    expect(await to('/out//evil.example/x')).toBe('307 /evil.example/x');
    expect(await to('/out')).toBe('307 /');
    expect(await to('*', 'OPTIONS')).toBe('303 https://example.org/');
  });

  it('keeps the connection after a redirect', async () => {
    const yard = await yardWith([{ match: { pathPrefix: '/old' }, redirect: { location: '/new' } }]);
    const client = await RawClient.connect(yard.port);
    const get = (path: string) => client.request(`GET ${path} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    expect((await get('/old')).status).toBe(308);
    expect((await get('/')).body).toBe('web');
    client.close();
  });
});

describe('where a redirect leads', () => {
  const lead = (template: string, path: string, host = 'app.test') => {
    const parsed = parseLocation(template);
    if (!parsed.ok) throw new Error(parsed.problem);
    return locationOf(parsed.value, { host, path, query: '', prefix: '/' });
  };

  it.each([
    ['{path}', '/a"<>\\{}|^`\xe9 \r\nb', '/a%22%3C%3E%5C%7B%7D%7C%5E%60%E9%20%0D%0Ab'],
    ['{path}', '//evil.example', '/evil.example'],
    ['{path}', '/\\evil.example', '/%5Cevil.example'],
    ['/{path}', '/evil.example', '/evil.example'],
    ['/x{path}', '//evil.example', '/x//evil.example'],
    ['https://good.example{path}', '*', 'https://good.example/'],
    ['https://good.example{path}', '.evil.example', 'https://good.example/'],
  ])('%s of %j is %s', (template, path, location) => {
    expect(lead(template, path)).toBe(location);
  });

  it.each(['https://{path}', 'https://{rest}', '//{host}/', 'http://', '{query}', '{host}', 'ftp://a/'])(
    'is not chosen by who asks: %s is refused',
    (template) => {
      expect(parseLocation(template).ok).toBe(false);
    },
  );
});

describe('a split', () => {
  const shares = [
    { pool: 'web', weight: 3 },
    { pool: 'canary', weight: 1 },
  ];

  it('gives every pool some, and one of weight 0 none', async () => {
    const yard = await yardWith(
      [{ match: {}, split: [...shares, { pool: 'none', weight: 0 }] }],
      ['web', 'canary', 'none'],
    );
    const seen = new Set<string>();
    // All to one pool, of 200, has a chance of 10^-25.
    for (let i = 0; i < 200; i++) seen.add(await yard.body('/'));
    expect([...seen].sort()).toEqual(['canary', 'web']);
  });

  it('keeps a cookie, a header, a path or an address with one pool', async () => {
    const splitOn = (part: unknown) => ({ split: shares, splitOn: part });
    const yard = await yardWith(
      [
        { match: { pathPrefix: '/cookie' }, ...splitOn({ cookie: 'id' }) },
        { match: { pathPrefix: '/header' }, ...splitOn({ header: 'X-Id' }) },
        { match: { pathPrefix: '/path' }, ...splitOn('path') },
        { match: { pathPrefix: '/address' }, ...splitOn('address') },
      ],
      ['web', 'canary'],
    );
    const sides = new Set<string>();
    for (let id = 0; id < 40; id++) {
      const [cookie, header] = [`Cookie: a=b; id=${id}`, `X-Id: ${id}`];
      const asks = [
        () => yard.body('/cookie', cookie),
        () => yard.body('/header', header),
        () => yard.body(`/path/${id}`),
        () => yard.body('/address'),
      ];
      for (const ask of asks) {
        const pool = await ask();
        sides.add(pool);
        expect(await ask()).toBe(pool);
      }
    }
    expect(sides.size).toBe(2);
  });
});

describe('affinity', () => {
  const sticky = { affinity: { cookie: 'home' } };
  const says =
    (name: string): Script =>
    () =>
      ok(name);

  async function stickyYard(pool: Wish = {}, scripts: Record<string, Script> = {}, lines?: string[]) {
    const backends: Record<string, Wish> = {};
    for (const id of ['web.1', 'web.2', 'web.3']) {
      const backend = await backendThat(scripts[id] ?? says(id));
      backends[id] = { address: `127.0.0.1:${backend.port}` };
    }
    return start(
      { pools: { web: { ...sticky, ...pool, backends } }, domains: { 'app.test': { pool: 'web' } } },
      lines,
    );
  }
  const cookieOf = (response: RawResponse) =>
    /^home=([^;]+)/.exec(response.headers.get('set-cookie') ?? '')?.[1];

  it('names the backend in a cookie that no script sees and no one else can read or make', async () => {
    const yard = await stickyYard();
    const first = await yard.ask('/');
    const line = first.headers.get('set-cookie');
    expect(line).toMatch(/^home=[A-Za-z0-9_-]{22}; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(line).not.toContain('web.');
    const again = await yard.ask('/', { ...ASK, fields: [`Cookie: x=y; home=${cookieOf(first)}`] });
    expect(again.body).toBe(first.body);
    expect(again.headers.has('set-cookie')).toBe(false);
  });

  it.each(['round-robin', 'random', 'p2c', 'peak-ewma', 'consistent-hash', 'least-request'])(
    'brings everyone home with %s',
    async (policy) => {
      const yard = await stickyYard({ policy });
      const homes = new Map<string, string>();
      for (let i = 0; i < 12; i++) {
        const response = await yard.ask('/');
        homes.set(cookieOf(response) ?? '', response.body);
      }
      expect(homes.has('')).toBe(false);
      for (const [cookie, body] of homes)
        for (let i = 0; i < 3; i++) expect(await yard.body('/', `Cookie: home=${cookie}`)).toBe(body);
    },
  );

  it('takes a cookie of another pool for none, though backends and cookies of both have the same names', async () => {
    const pools: Record<string, Wish> = {};
    for (const pool of ['one', 'two']) {
      const backends: Record<string, Wish> = {};
      for (const id of ['web.1', 'web.2', 'web.3', 'web.4']) {
        const backend = await backendThat(says(`${pool} ${id}`));
        backends[id] = { address: `127.0.0.1:${backend.port}` };
      }
      pools[pool] = { ...sticky, backends };
    }
    const yard = await start({
      pools,
      domains: { 'app.test': { pool: 'one', routes: [{ match: { pathPrefix: '/two' }, pool: 'two' }] } },
    });
    const foreign = cookieOf(await yard.ask('/'));
    for (let i = 0; i < 4; i++) {
      const response = await yard.ask('/two', { ...ASK, fields: [`Cookie: home=${foreign}`] });
      expect(response.body).toMatch(/^two /);
      expect(cookieOf(response)).toMatch(/^[A-Za-z0-9_-]{22}$/);
      expect(cookieOf(response)).not.toBe(foreign);
    }
  });

  it('takes a cookie of another router for none: each data directory has its own secret', async () => {
    const [one, two] = [await stickyYard(), await stickyYard()];
    const foreign = cookieOf(await one.ask('/'));
    const response = await two.ask('/', { ...ASK, fields: [`Cookie: home=${foreign}`] });
    expect(cookieOf(response)).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(cookieOf(response)).not.toBe(foreign);
  });

  it('says Secure to a client that came over TLS, by the word of a peer that is trusted and of no other', async () => {
    const backend = await backendThat(says('web.1'));
    const lineFor = async (trustForwarded: readonly string[]) => {
      const yard = await start({
        listeners: [{ address: '127.0.0.1:0', trustForwarded }],
        pools: { web: { ...sticky, backends: { 'web.1': { address: `127.0.0.1:${backend.port}` } } } },
        domains: { 'app.test': { pool: 'web' } },
      });
      const { headers } = await yard.ask('/', { ...ASK, fields: ['X-Forwarded-Proto: https'] });
      return headers.get('set-cookie') ?? '';
    };
    expect(await lineFor(['127.0.0.0/8'])).toMatch(/; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    expect(await lineFor([])).toMatch(/; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  it('keeps the cookies that the backend sets itself', async () => {
    const setting: Script = () => ok('web', 'Set-Cookie: session=1; Path=/');
    const yard = await stickyYard({}, { 'web.1': setting, 'web.2': setting, 'web.3': setting });
    const { fields } = await yard.ask('/');
    const cookies = fields.filter((_, at) => at % 2 === 1 && fields[at - 1]?.toLowerCase() === 'set-cookie');
    expect(cookies.map((line) => line.slice(0, 5)).sort()).toEqual(['home=', 'sessi']);
  });

  it('takes a forged cookie for none', async () => {
    const yard = await stickyYard();
    for (const forged of ['', 'web.1', 'A'.repeat(22), '__proto__', '%00', '"x"']) {
      const response = await yard.ask('/', { ...ASK, fields: [`Cookie: home=${forged}`] });
      expect(response.status).toBe(200);
      expect(cookieOf(response)).toMatch(/^[A-Za-z0-9_-]{22}$/);
    }
  });

  it('sends sessions to a draining backend until its deadline, and nobody new', async () => {
    const yard = await stickyYard();
    const desk = yard.yard.desk as unknown as {
      drainBackend(pool: string, id: string, timeoutMs: number): Promise<unknown>;
    };
    const first = await yard.ask('/');
    const cookie = `Cookie: home=${cookieOf(first)}`;
    await desk.drainBackend('web', first.body, 60_000);
    for (let i = 0; i < 5; i++) expect(await yard.body('/', cookie)).toBe(first.body);
    for (let i = 0; i < 12; i++) expect(await yard.body('/')).not.toBe(first.body);
    await desk.drainBackend('web', first.body, 0);
    const moved = await yard.ask('/', { ...ASK, fields: [cookie] });
    expect(moved.body).not.toBe(first.body);
    expect(cookieOf(moved)).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it('survives scaling: a backend that comes takes nobody, one that goes and comes again has its own back', async () => {
    const yard = await stickyYard();
    const desk = yard.yard.desk as unknown as {
      putBackend(pool: string, id: string, wish: Wish): Promise<unknown>;
      removeBackend(pool: string, id: string): Promise<unknown>;
    };
    const first = await yard.ask('/');
    const cookie = `Cookie: home=${cookieOf(first)}`;
    const more = await backendThat(says('web.4'));
    await desk.putBackend('web', 'web.4', { address: `127.0.0.1:${more.port}` });
    for (let i = 0; i < 5; i++) expect(await yard.body('/', cookie)).toBe(first.body);
    await desk.removeBackend('web', first.body);
    expect(await yard.body('/', cookie)).not.toBe(first.body);
    const back = await backendThat(says('again'));
    await desk.putBackend('web', first.body, { address: `127.0.0.1:${back.port}` });
    expect(await yard.body('/', cookie)).toBe('again');
  });

  it('moves a session whose home cannot be connected to, and tells the client and the log', async () => {
    const lines: string[] = [];
    const yard = await stickyYard({}, {}, lines);
    const desk = yard.yard.desk as unknown as {
      putBackend(pool: string, id: string, wish: Wish): Promise<unknown>;
    };
    const first = await yard.ask('/');
    const cookie = `Cookie: home=${cookieOf(first)}`;
    await yard.body('/', cookie);
    await desk.putBackend('web', first.body, { address: '127.0.0.1:1' });
    const moved = await yard.ask('/', { ...ASK, fields: [cookie] });
    expect(moved.status).toBe(200);
    expect(moved.body).not.toBe(first.body);
    expect(cookieOf(moved)).not.toBe(cookieOf(first));
    await yard.body('/', 'Cookie: home=forged');
    await yard.yard.close();
    const verdicts = lines
      .join('')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Wish)['affinity']);
    expect(verdicts).toEqual(['none', 'home', 'moved', 'unknown']);
  });
});
