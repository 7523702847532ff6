/** Domains, pools and backends by hand, against the real admin API. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Scene, scene } from '../admin/scene.ts';
import { type Circumstances, command, type Ran } from './command.ts';

let stage: Scene;
beforeEach(async () => {
  stage = await scene();
});
afterEach(() => stage[Symbol.asyncDispose]());

const run = (line: string, circumstances?: Circumstances): Promise<Ran> =>
  command([...line.split(' '), '--admin', stage.address], circumstances);

const done = async (line: string, circumstances?: Circumstances): Promise<string> => {
  const { code, out, err } = await run(line, circumstances);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
};

const settings = async (path: string) => (await stage.client.get(path)).body;

async function web(): Promise<void> {
  await done('pool set web');
  await done('backend set web web.1 address=127.0.0.1:9001');
  await done('domain set example.com pool=web');
}

describe('set', () => {
  it('makes what is not there, changes what is, and says which version is in force', async () => {
    expect(await done('pool set web')).toBe('pool web created: version 1, in force at position 1\n');
    expect(await done('pool set web policy=random queue.maxWaiting=10')).toBe(
      'pool web changed: version 2, in force at position 2\n',
    );
    expect(await done('pool set web policy=random')).toMatch(/^pool web unchanged: version 2, /);
    expect(await settings('/v1/pools/web')).toMatchObject({ policy: 'random', queue: { maxWaiting: 10 } });
  });

  it('keeps the settings that it does not name, and the backends of a pool', async () => {
    await web();
    await done('pool set web policy=random');
    await done('pool set web whenEmpty=hold');
    await done('backend set web web.1 weight=3');
    expect(await settings('/v1/pools/web')).toMatchObject({
      policy: 'random',
      whenEmpty: 'hold',
      backends: { 'web.1': { address: '127.0.0.1:9001', weight: 3 } },
    });
  });

  it('takes routes as JSON, shows them in their order, and keeps them when another key is set', async () => {
    await web();
    await done('pool set api');
    const routes =
      '[{"match":{"pathPrefix":"/"},"pool":"web"},{"match":{"pathPrefix":"/api/"},"pool":"api"}]';
    await done(`domain set example.com routes=${routes}`);
    await done('domain set example.com maintenance=true');
    expect(await settings('/v1/domains/example.com')).toMatchObject({
      maintenance: true,
      routes: [
        { match: { pathPrefix: '/api' }, pool: 'api' },
        { match: { pathPrefix: '/' }, pool: 'web' },
      ],
    });
    expect((await run('pool remove api')).err).toContain(
      'pool api serves example.com\nswitchyard: first remove these domains, or give them another pool\n',
    );
    expect((await run('domain set example.com pool=apii')).err).toContain(
      'which does not exist\nswitchyard: "switchyard pool list" shows those there are\n',
    );
    const bad = await run('domain set example.com routes=[{"match":{"pathRegex":"a(?=b)"},"pool":"api"}]');
    expect(bad.code).toBe(1);
    expect(bad.err).toContain('"(?=" at character 2');
    await done('domain set example.com --default routes');
    expect(await settings('/v1/domains/example.com')).toMatchObject({ routes: [] });
    await done(`pool set web affinity={"cookie":"home"}`);
    expect(await settings('/v1/pools/web')).toMatchObject({ affinity: { cookie: 'home' } });
  });

  it('sets a key back to its default', async () => {
    await done('pool set web policy=random queue.maxWaiting=10');
    await done('pool set web --default queue.maxWaiting');
    expect(await settings('/v1/pools/web')).toMatchObject({ policy: 'random', queue: { maxWaiting: 1000 } });
  });

  it('reads null and numbers where a key takes them, and text where it takes text', async () => {
    await done('pool set 123 maxConcurrency=5');
    await done('pool set 123 maxConcurrency=null');
    await done('domain set example.com pool=123');
    expect(await settings('/v1/pools/123')).toMatchObject({ maxConcurrency: null });
    expect(await settings('/v1/domains/example.com')).toMatchObject({ pool: '123' });
  });

  it('takes all settings from standard input, backends included, with pairs on top', async () => {
    await done('pool set web policy=random');
    const stdin = '{"whenEmpty": "hold", "backends": {"web.9": {"address": "127.0.0.1:9009"}}}';
    await done('pool set web --file - queue.maxWaiting=7', { stdin });
    expect(await settings('/v1/pools/web')).toMatchObject({
      policy: 'least-request',
      whenEmpty: 'hold',
      queue: { maxWaiting: 7 },
      backends: { 'web.9': { address: '127.0.0.1:9009' } },
    });
  });

  it('records who asked', async () => {
    await done('pool set web', { user: 'bob' });
    await done('pool set api --as deploy-bot');
    const events = await stage.log.read();
    expect(events.map((event) => event.metadata.author)).toEqual(['bob', 'deploy-bot']);
  });

  it.each([
    ['a pool that is there', true],
    ['a pool that both make', false],
  ])('loses no change when two people set different keys at once of %s', async (_what, there) => {
    if (there) await done('pool set web');
    const keys = ['queue.maxWaiting=1', 'queue.maxWaitMs=2'];
    await Promise.all(keys.map((pair) => done(`pool set web ${pair}`)));
    expect(await settings('/v1/pools/web')).toMatchObject({ queue: { maxWaiting: 1, maxWaitMs: 2 } });
  });

  it('refuses to build on another version than the one named', async () => {
    await done('pool set web');
    await done('pool set web policy=random', { user: 'bob' });
    expect(await run('pool set web policy=round-robin --if-version 1')).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^switchyard: expected version 1 of pool web, found 2\nswitchyard: position 2: PoolChanged by bob\n$/,
      ),
    });
    expect((await run('pool set web policy=round-robin --if-version 0')).code).toBe(1);
    expect((await run('pool set web policy=round-robin --if-version 2')).code).toBe(0);
  });

  it.each([
    ['pool set web policy=random policy=p2c', 'policy: expected once, found twice', undefined],
    ['pool set web polcy=random', 'unknown key "polcy"', 'did you mean policy?'],
    ['pool set web queue.maxWait=1', 'unknown key "queue.maxWait"', 'did you mean queue.maxWaitMs?'],
    [
      'pool set web health.passive.quarantinMs=1',
      'unknown key "health.passive.quarantinMs"',
      'did you mean health.passive.quarantineMs?',
    ],
    ['pool set web policy', 'expected KEY=VALUE, found "policy"', undefined],
    ['domain set example.com routes=[{"match":}]', 'routes:1:11: expected JSON, found "}]"', undefined],
    ['pool set web affinity={cookie:home}', 'affinity:1:2: expected JSON, found "cookie:home}"', undefined],
    ['pool set a/b', 'expected a pool name of', undefined],
    ['domain set exa_mple..com pool=web', 'expected a host name of', undefined],
    ['domain set example.com', 'expected KEY=VALUE or --file FILE, found neither', 'for example: '],
    ['backend set web', 'expected ID, found nothing', 'usage: '],
    ['pool set web --default nothing.there', 'unknown key "nothing.there"', undefined],
    [
      'pool set web --if-version x',
      '--if-version: expected a whole number of at least 0, found "x"',
      undefined,
    ],
  ])('%s is wrong usage', async (line, message, hint) => {
    const { code, out, err } = await run(line);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(`switchyard: ${message}`);
    if (hint !== undefined) expect(err).toContain(`switchyard: ${hint}`);
    expect(await stage.log.position()).toBe(0);
  });

  it('tells what the router refuses, with every place that is wrong', async () => {
    expect(await run('pool set web policy=sometimes queue.maxWaiting=-1')).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^switchyard: policy: expected one of .*, found "sometimes".*\nswitchyard: queue\.maxWaiting: expected a whole number .*, found -1\n$/,
      ),
    });
  });

  it('tells that a domain names a pool that does not exist', async () => {
    const { code, err } = await run('domain set example.com pool=web');
    expect(code).toBe(1);
    expect(err).toContain('web');
  });

  it('tells what is wrong in a file by its place', async () => {
    expect(await run('pool set web --file -', { stdin: '{"policy":\n}' })).toMatchObject({
      code: 1,
      err: 'switchyard: standard input:2:1: expected JSON, found "}"\n',
    });
    expect(await run('pool set web --file /nowhere.json')).toMatchObject({
      code: 1,
      err: 'switchyard: /nowhere.json: expected a readable file, found no such file\n',
    });
    expect(await run('pool set web --file -', { stdin: '[1]' })).toMatchObject({ code: 1 });
  });

  it('answers machines with the receipt', async () => {
    expect(JSON.parse(await done('pool set web --json'))).toEqual({
      version: 1,
      position: 1,
      changed: 1,
      created: true,
    });
    const { code, out } = await run('pool set web policy=never --json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ type: 'invalid_settings', status: 400 });
  });
});

describe('list', () => {
  it('is a table for people', async () => {
    await web();
    await done('backend set web web.22 address=[::1]:9002 maxConcurrency=5');
    expect(await done('domain list')).toBe('HOST         POOL  VERSION\nexample.com  web   1\n');
    expect(await done('pool list')).toBe(
      'POOL  POLICY         BACKENDS  VERSION\nweb   least-request  2         3\n',
    );
    expect(await done('backend list web')).toBe(
      [
        'ID      ADDRESS         WEIGHT  LIMIT  STATE  IN FLIGHT  VERSION',
        'web.1   127.0.0.1:9001  1       -      up     0          2',
        'web.22  [::1]:9002      1       5      up     0          3',
        '',
      ].join('\n'),
    );
    await done('pool set web maxConcurrency=10');
    expect(await done('backend list web')).toContain('127.0.0.1:9001  1       10     up ');
  });

  it('is one JSON array for machines, over all pages', async () => {
    await done('pool set web');
    const domains = Object.fromEntries(
      Array.from({ length: 1001 }, (_, at) => [`d${at}.example`, { pool: 'web' }]),
    );
    await stage.client.must('POST', '/v1/apply', { pools: { web: {} }, domains });
    const listed = JSON.parse(await done('domain list --json'));
    expect(listed).toHaveLength(1001);
    expect(new Set(listed.map((item: { name: string }) => item.name)).size).toBe(1001);
    expect((await done('domain list')).trimEnd().split('\n')).toHaveLength(1002);
  });

  it('says when there is nothing', async () => {
    expect(await run('domain list')).toEqual({
      code: 0,
      out: '',
      err: `switchyard: none (${stage.address})\n`,
    });
    expect(await done('pool list --json')).toBe('[]\n');
  });
});

describe('show', () => {
  it('prints all settings, defaults included, as YAML that set takes back', async () => {
    await web();
    const shown = await done('pool show web');
    expect(shown).toMatch(/^# pool web, version 2\npolicy: least-request\n/);
    expect(await done('pool set web --file -', { stdin: shown })).toMatch(/^pool web unchanged/);
    expect(JSON.parse(await done('domain show example.com --json'))).toMatchObject({ pool: 'web' });
    expect(await done('backend show web web.1')).toContain('address: 127.0.0.1:9001\n');
  });

  it('tells what there is not', async () => {
    expect(await run('domain show nowhere.example')).toEqual({
      code: 1,
      out: '',
      err: 'switchyard: no domain nowhere.example\n',
    });
  });
});

describe('remove', () => {
  it('removes, once', async () => {
    await web();
    expect(await done('backend remove web web.1')).toBe(
      'backend web/web.1 removed: in force at position 4\n',
    );
    expect(await run('backend remove web web.1')).toMatchObject({ code: 1, out: '' });
    expect(JSON.parse(await done('domain remove example.com --json'))).toEqual({
      removed: true,
      position: 5,
    });
  });

  it('is refused for a pool that a domain names, and for another version', async () => {
    await web();
    expect(await run('pool remove web')).toMatchObject({
      code: 1,
      err: expect.stringContaining('example.com'),
    });
    expect(await run('domain remove example.com --if-version 7')).toMatchObject({ code: 1 });
  });
});

describe('backend drain', () => {
  it('drains, and is seen in the list', async () => {
    await web();
    expect(await done('backend drain web web.1 --timeout-ms 1500')).toMatch(
      /^backend web\/web\.1 drains for at most 1\.5 s: version \d+, in force at position 4\n$/,
    );
    expect(await done('backend list web')).toContain('draining');
  });

  it('needs a backend that is there', async () => {
    await web();
    expect(await run('backend drain web web.2')).toMatchObject({
      code: 1,
      err: expect.stringContaining('web.2'),
    });
  });
});
