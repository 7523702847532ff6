import { afterEach, describe, expect, it } from 'vitest';
import {
  type Answer,
  keyOf,
  newCommandId,
  type PoolState,
  type Rejection,
  RoutingDesk,
} from '../../../actors/index.ts';
import { LogUnavailable, poolStream } from '../../../eventlog/index.ts';
import { append, backendAdded, WEB, write } from '../../eventlog/appends.ts';
import { backend, domain, pool, type Scene, startSystem } from '../../support/system.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const BY = { author: 'test' };
const web = pool('web');
const one = backend('web.1');
const host = domain('example.com');
const ADDRESS = { address: '127.0.0.1:9001' };

describe('the desk', () => {
  let scene: Scene;
  afterEach(() => scene?.system.stop());

  async function start() {
    scene = await startSystem();
    return scene;
  }

  async function putPool() {
    return scene.system.desk.ask(
      { type: 'PutPool', pool: web, settings: {}, backends: { [one]: ADDRESS } },
      BY,
    );
  }

  async function park(name: string) {
    const { system } = scene;
    let state: string | undefined;
    for (let crash = 0; crash < 200 && state !== 'parked'; crash += 1) {
      await system.sabotage(`pool:${name}`);
      state = system.actors({ limit: 100 }).actors.find((actor) => actor.id === `pool:${name}`)?.state;
    }
    expect(state).toBe('parked');
  }

  it('creates, then changes, then leaves alone what is so already', async () => {
    const { system } = await start();
    expect(await putPool()).toMatchObject({ type: 'done', created: true, version: 2, changed: 1 });
    const first = await system.desk.ask({ type: 'PutDomain', host, settings: { pool: web } }, BY);
    expect(first).toMatchObject({ type: 'done', created: true, version: 1 });
    const again = await system.desk.ask({ type: 'PutDomain', host, settings: { pool: web } }, BY);
    expect(again).toMatchObject({ type: 'done', created: false, version: 1, changed: 0 });
    expect(await system.log.position()).toBe(3);
  });

  it('has the ledger in line and the events published before it answers', async () => {
    const { ledger, published } = await start();
    await putPool();
    expect(ledger.pool(keyOf('web'))?.stats().rows).toMatchObject([
      { backendKey: keyOf('web.1'), state: 'up' },
    ]);
    expect(published.flat().map((event) => event.type)).toEqual(['PoolCreated', 'BackendAdded']);
  });

  it('drains a backend as it was set, its limit and its weight included', async () => {
    const { system } = await start();
    const backends = { [one]: { ...ADDRESS, maxConcurrency: 3, weight: 2 } };
    await system.desk.ask({ type: 'PutPool', pool: web, settings: {}, backends }, BY);
    await system.desk.ask({ type: 'DrainBackend', pool: web, id: one, untilMs: Date.now() + 60_000 }, BY);
    const state = (await system.log.current(poolStream(web)))?.state as PoolState;
    const text = `{"address":"${ADDRESS.address}","maxConcurrency":3,"state":"draining","weight":2}`;
    expect(JSON.stringify(state?.backends[one]?.backend)).toBe(text);
  });

  it('makes a backend up by what was found at the address that it has, and by nothing else', async () => {
    const { system } = await start();
    const elsewhere = { address: '127.0.0.1:9002', state: 'starting' } as const;
    await system.desk.ask({ type: 'PutPool', pool: web, settings: {}, backends: { [one]: elsewhere } }, BY);
    const passes = (address: string) =>
      system.desk.ask({ type: 'StartBackend', pool: web, id: one, address }, BY);
    expect(await passes(ADDRESS.address)).toMatchObject({ type: 'done', changed: 0 });
    expect(await passes(elsewhere.address)).toMatchObject({ type: 'done', changed: 1 });
  });

  it('refuses a domain whose pool does not exist, and removing a pool that serves one', async () => {
    const { system } = await start();
    const orphan = await system.desk.ask({ type: 'PutDomain', host, settings: { pool: web } }, BY);
    expect(rejection(orphan)).toBe('pool_unknown');
    await putPool();
    await system.desk.ask({ type: 'PutDomain', host, settings: { pool: web } }, BY);
    expect(rejection(await system.desk.ask({ type: 'RemovePool', pool: web }, BY))).toBe('pool_in_use');
  });

  it('carries out one after the other what comes at once, so that no domain names a pool that goes', async () => {
    const { system } = await start();
    const put = () => system.desk.ask({ type: 'PutDomain', host, settings: { pool: web } }, BY);
    const remove = () => system.desk.ask({ type: 'RemovePool', pool: web }, BY);
    for (const first of [remove, put]) {
      await putPool();
      const answers = await Promise.all([first(), first === put ? remove() : put()]);
      expect(answers.map(rejection)).toEqual([undefined, first === put ? 'pool_in_use' : 'pool_unknown']);
    }
  });

  it("counts the pools of a domain's routes among those it names", async () => {
    const { system } = await start();
    const [api, canary] = [pool('api'), pool('canary')];
    const { desk } = system;
    const routes = [
      { match: { pathPrefix: '/api' }, pool: api },
      { match: { pathPrefix: '/beta' }, split: [{ pool: canary, weight: 1 }] },
    ];
    const put = () => desk.ask({ type: 'PutDomain', host, settings: { pool: web, routes } }, BY);
    const remove = (gone: typeof web) => desk.ask({ type: 'RemovePool', pool: gone }, BY);
    await putPool();
    await desk.ask({ type: 'PutPool', pool: api, settings: {} }, BY);
    expect(await put()).toMatchObject({
      rejection: { type: 'pool_unknown', detail: expect.stringContaining('canary') },
    });
    await desk.ask({ type: 'PutPool', pool: canary, settings: {} }, BY);
    expect(await put()).toMatchObject({ type: 'done', created: true });
    for (const used of [web, api, canary]) expect(rejection(await remove(used))).toBe('pool_in_use');
    const planned = await desk.carryOut(
      () => ({ type: 'commands', commands: [{ type: 'RemovePool', pool: canary }] }),
      BY,
      'planned',
    );
    expect(rejection(planned)).toBe('pool_in_use');
    await desk.ask({ type: 'PutDomain', host, settings: { pool: web } }, BY);
    expect(await remove(canary)).toMatchObject({ type: 'done' });
  });

  it('tells the events that won over an expected version', async () => {
    const { system } = await start();
    await putPool();
    await system.desk.ask({ type: 'PutPool', pool: web, settings: { policy: 'random' } }, BY);
    const late = await system.desk.ask(
      { type: 'PutPool', pool: web, settings: { policy: 'round-robin' }, ifVersion: 1 },
      BY,
    );
    expect(late).toMatchObject({
      rejection: {
        type: 'version_mismatch',
        expected: 1,
        found: 3,
        won: [{ type: 'BackendAdded' }, { type: 'PoolChanged' }],
      },
    });
  });

  it('tells of a backend only what happened to it, however much happened to the others', async () => {
    const { system } = await start();
    await putPool();
    const put = (id: string, weight: number, ifVersion?: number) => {
      const wish = {
        type: 'PutBackend',
        pool: web,
        id: id as never,
        backend: { address: '127.0.0.1:9', weight },
      } as const;
      return system.desk.ask(ifVersion === undefined ? wish : { ...wish, ifVersion: ifVersion as never }, BY);
    };
    await put('mine', 1);
    for (let i = 2; i < 110; i++) await put('other', i);
    await put('mine', 2);
    const late = await put('mine', 3, 3);
    expect(late).toMatchObject({
      rejection: { type: 'version_mismatch', won: [{ type: 'BackendChanged', data: { id: 'mine' } }] },
    });
  });

  it('gives a repeated command its first answer, even when the world has moved on', async () => {
    const { system } = await start();
    await putPool();
    const put = { type: 'PutBackend', pool: web, id: backend('web.2'), backend: ADDRESS } as const;
    const first = await system.desk.ask(put, { ...BY, commandId: 'k1' });
    await system.desk.ask({ type: 'RemoveBackend', pool: web, id: backend('web.2') }, BY);
    expect(await system.desk.ask(put, { ...BY, commandId: 'k1' })).toEqual(first);
    expect(await system.log.position()).toBe(4);
    const other = await system.desk.ask({ ...put, id: backend('web.3') }, { ...BY, commandId: 'k1' });
    expect(rejection(other)).toBe('idempotency_key_reused');
  });

  it('carries out a plan wholly or not at all', async () => {
    const { system } = await start();
    const create = { type: 'PutPool', pool: web, settings: {}, backends: { [one]: ADDRESS } } as const;
    const orphan = { type: 'PutDomain', host, settings: { pool: pool('other') } } as const;
    const bad = await system.desk.carryOut(
      () => ({ type: 'commands', commands: [create, orphan] }),
      BY,
      'bad',
    );
    expect(rejection(bad)).toBe('pool_unknown');
    expect(await system.log.position()).toBe(0);
    const route = { type: 'PutDomain', host, settings: { pool: web } } as const;
    const good = await system.desk.carryOut(
      () => ({ type: 'commands', commands: [create, route] }),
      BY,
      'good',
    );
    expect(good).toMatchObject({ type: 'done', changed: 2, position: 3 });
  });

  it.each(['before-append', 'after-append', 'before-publish', 'in-ledger'] as const)(
    'answers definitely, and once, when the pool fails %s',
    async (point) => {
      const { system, ledger, happened } = await start();
      await putPool();
      expect(await system.sabotage('pool:web', point)).toBe('done');
      const command = { type: 'PutBackend', pool: web, id: backend('web.2'), backend: ADDRESS } as const;
      const answer = await system.desk.ask(command, { ...BY, commandId: 'k' });
      expect(answer).toMatchObject({ type: 'done', created: true, version: 3, position: 3 });
      expect(happened.some((event) => event.type === 'crashed' && event.id === 'pool:web')).toBe(true);
      expect(ledger.pool(keyOf('web'))?.stats().rows).toHaveLength(2);
      expect(await system.desk.ask(command, { ...BY, commandId: 'k' })).toEqual(answer);
    },
  );

  it('parks an owner that fails again and again, and refuses its commands with a time to come back', async () => {
    await start();
    await putPool();
    await park('web');
    const answer = await putPool();
    expect(rejection(answer)).toBe('owner_unavailable');
  });

  it('says so where an owner was parked over what is recorded, and once it is back that it is done', async () => {
    const clock = new VirtualClock();
    scene = await startSystem(undefined, clock);
    const { system, ledger } = scene;
    await putPool();
    for (let crash = 0; crash < 30; crash++) await system.sabotage('pool:web');
    await system.sabotage('pool:web', 'after-append');
    const command = { type: 'PutBackend', pool: web, id: backend('web.2'), backend: ADDRESS } as const;
    const put = () => system.desk.ask(command, { ...BY, commandId: 'k' });
    expect(await put()).toMatchObject({
      rejection: { type: 'owner_unavailable', retryAfterMs: expect.any(Number) },
    });
    expect(await system.log.position()).toBe(3);
    await clock.advance(100);
    expect(await put()).toMatchObject({ type: 'done', created: true, version: 3, position: 3 });
    expect(ledger.pool(keyOf('web'))?.stats().rows).toHaveLength(2);
  });

  it('asks an owner again that is behind the log, and no more than twice', async () => {
    const { system } = await start();
    await putPool();
    const put = (id: string) =>
      system.desk.ask({ type: 'PutBackend', pool: web, id: backend(id), backend: ADDRESS }, BY);
    await system.log.append(append([write(WEB, 2, [backendAdded('web.2')])]));
    expect(await put('web.3')).toMatchObject({ type: 'done', version: 4, position: 4 });
    // From now on somebody is always there first.
    const { log } = system;
    const first = log.append.bind(log);
    let version = 4;
    log.append = async (wish) => {
      await first(append([write(WEB, version, [backendAdded(`other.${version}`)])]));
      version += 1;
      return first(wish);
    };
    expect(await put('web.4')).toMatchObject({
      rejection: { type: 'version_mismatch', expected: 6, found: 7 },
    });
    expect(await log.position()).toBe(7);
  });

  it('answers once every worker will know, also where it was all so before', async () => {
    scene = await startSystem();
    const { system } = scene;
    let told = Promise.withResolvers<void>();
    const desk = new RoutingDesk({
      log: system.log,
      owners: system.owners,
      published: () => told.promise,
      newCommandId,
    });
    const command = { type: 'PutPool', pool: web, settings: {} } as const;
    for (const commandId of ['first', 'again', 'first']) {
      let answer: Answer | undefined;
      const asked = desk.ask(command, { ...BY, commandId }).then((given) => {
        answer = given;
      });
      await expect.poll(() => system.log.position()).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(answer).toBe(undefined);
      told.resolve();
      await asked;
      expect(answer).toMatchObject({ type: 'done', position: 1 });
      told = Promise.withResolvers();
    }
  });

  it('that is shut refuses commands; open again, it has in force what others wrote meanwhile', async () => {
    const { system, ledger } = await start();
    const { desk, log } = system;
    let isDone = false;
    const put = putPool().finally(() => {
      isDone = true;
    });
    const shut = desk.shut(new LogUnavailable('log_closed', 'another has it'));
    const refused = await desk.ask({ type: 'PutDomain', host, settings: { pool: web } }, BY);
    expect(refused).toMatchObject({ rejection: { type: 'log_unavailable', detail: 'another has it' } });
    await shut;
    expect(isDone).toBe(true);
    expect(await put).toMatchObject({ type: 'done' });
    await expect(desk.alone(async () => {})).rejects.toThrow('another has it');
    expect(system.trouble).toMatchObject({ message: 'another has it' });
    await log.append(append([write(WEB, 2, [backendAdded('web.2')])]));
    await desk.shut(new LogUnavailable('log_closed', 'another has it, says the next'));
    expect(ledger.pool(keyOf('web'))?.stats().rows).toHaveLength(1);
    await desk.reopen();
    expect(ledger.pool(keyOf('web'))?.stats().rows).toHaveLength(2);
    const done = await desk.ask({ type: 'PutDomain', host, settings: { pool: web } }, BY);
    expect(done).toMatchObject({ type: 'done', position: 4 });
    expect(system.trouble).toBeUndefined();
  });

  it('is open again though an owner of what others wrote cannot be told, and all others are', async () => {
    const { system, ledger } = await start();
    const { desk, log } = system;
    await putPool();
    await desk.ask({ type: 'PutPool', pool: pool('api'), settings: {} }, BY);
    await park('web');
    await desk.shut(new LogUnavailable('log_closed', 'another has it'));
    const api = write(poolStream(pool('api')), 1, [backendAdded('api.1')]);
    await log.append(append([write(WEB, 2, [backendAdded('web.2')]), api]));
    await desk.reopen();
    expect(system.trouble).toBeUndefined();
    expect(ledger.pool(keyOf('api'))?.stats().rows).toHaveLength(1);
    const done = await desk.ask({ type: 'PutDomain', host, settings: { pool: pool('api') } }, BY);
    expect(done).toMatchObject({ type: 'done', position: 6 });
  });

  it('goes on through a crash of the log and of the feed', async () => {
    const { system, published } = await start();
    await putPool();
    await system.sabotage('feed');
    const during = system.desk.ask({ type: 'PutDomain', host, settings: { pool: web } }, BY);
    expect(await during).toMatchObject({ type: 'done', position: 3 });
    expect(published.flat().map((event) => event.position)).toEqual([1, 2, 3]);
  });
});

function rejection(answer: { type: string; rejection?: Rejection }): string | undefined {
  return answer.rejection?.type;
}
