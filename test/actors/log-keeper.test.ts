import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LocalLog, openSqliteLog } from '../../eventlog/index.ts';
import { append, domainOf, write } from '../eventlog/appends.ts';
import { eventually, pause } from '../support/eventually.ts';
import { domain, pool, type Scene, startSystem } from '../support/system.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const BY = { author: 'test' };

type OnDisk = AsyncDisposable & {
  readonly scene: Scene;
  readonly at: string;
  readonly away: string;
  readonly put: (host: string) => ReturnType<Scene['system']['desk']['ask']>;
  readonly state: (id: string) => string | undefined;
};

/** A system over a log in a directory, with pool web; `away`: where to move it. */
async function onDisk(openMs = 0): Promise<OnDisk> {
  const root = await tempDirectory();
  const at = join(root.path, 'data');
  let mustExist = false;
  const scene = await startSystem(async () => {
    if (openMs > 0) await pause(openMs);
    const log = openSqliteLog({ directory: at, now: Date.now, mustExist });
    mustExist = true;
    return log;
  });
  const { system } = scene;
  await system.desk.ask({ type: 'PutPool', pool: pool('web'), settings: {} }, BY);
  return {
    scene,
    at,
    away: join(root.path, 'away'),
    put: (host) =>
      system.desk.ask({ type: 'PutDomain', host: domain(host), settings: { pool: pool('web') } }, BY),
    state: (id) => system.actors({ limit: 100 }).actors.find((actor) => actor.id === id)?.state,
    [Symbol.asyncDispose]: async () => {
      await system.stop();
      await root[Symbol.asyncDispose]();
    },
  };
}

const unavailable = { type: 'rejected', rejection: { type: 'log_unavailable' } };

describe('a log that crashed and is opened again', () => {
  it('has who asks meanwhile wait for it, and nobody refused', async () => {
    await using s = await onDisk(30);
    const { system, published } = s.scene;
    for (let crash = 0; crash < 3; crash++) {
      const before = s.put(`before-${crash}.test`);
      await system.sabotage('log');
      const after = s.put(`after-${crash}.test`);
      for (const asked of [before, after]) expect(await asked).toMatchObject({ type: 'done' });
    }
    const all = Array.from({ length: 7 }, (_, at) => at + 1);
    expect(published.flat().map(({ position }) => position)).toEqual(all);
  });
});

describe('a system that is stopped', () => {
  it('answers whoever waits for a turn still, and lets nobody wait for the log', async () => {
    await using s = await onDisk();
    const { system } = s.scene;
    const asked = Array.from({ length: 50 }, (_, at) => {
      const settings = { queue: { maxWaiting: at + 1 } };
      return system.desk.ask({ type: 'PutPool', pool: pool('web'), settings }, BY);
    });
    await system.stop();
    const fromMs = performance.now();
    const answers = await Promise.all(asked);
    expect(performance.now() - fromMs).toBeLessThan(15_000);
    expect(answers.at(-1)).toMatchObject(unavailable);
  });
});

describe('a log that crashed and cannot be opened', () => {
  it('is tried again until it can; meanwhile commands are refused at once, and nothing is lost', async () => {
    await using s = await onDisk();
    const { system, failures, published, happened } = s.scene;
    await s.put('a.test');
    renameSync(s.at, s.away);
    await system.sabotage('log');
    await eventually(() => s.state('log') === 'parked', 'a parked log');
    const fromMs = performance.now();
    expect(await s.put('b.test')).toMatchObject(unavailable);
    // Also of an owner that is asleep, and of nobody.
    expect(await s.put('a.test')).toMatchObject(unavailable);
    await expect(system.log.position()).rejects.toMatchObject({ code: 'log_closed' });
    // Whoever waited for the log would wait for ever: it comes back below.
    expect(performance.now() - fromMs).toBeLessThan(10_000);
    expect(system.log.trouble?.message).toMatch(/expected the log that was at .*events\.db, found none/);
    expect(s.state('domain:b.test')).toBe(undefined);
    // More tries than the tree allows restarts.
    await pause(2000);
    expect([s.state('log'), s.state('feed'), failures]).toEqual(['parked', 'restarting', []]);
    renameSync(s.away, s.at);
    await eventually(() => s.state('feed') === 'running', 'a feed');
    expect(system.log.trouble).toBe(undefined);
    expect(await s.put('b.test')).toMatchObject({ type: 'done', position: 3 });
    expect(published.flat().map(({ position }) => position)).toEqual([1, 2, 3]);
    expect(happened.filter(({ type }) => type === 'escalated')).toEqual([]);
  });

  it('keeps an owner that fails meanwhile waiting no longer than itself', async () => {
    await using s = await onDisk();
    const { system } = s.scene;
    await s.put('a.test');
    renameSync(s.at, s.away);
    await system.sabotage('log');
    await eventually(() => s.state('log') === 'parked', 'a parked log');
    system.owners.domains.lookup('a.test')?.crash(new Error('a bug'));
    // Long enough for waits of seconds, as of any who is parked.
    await pause(3000);
    expect(s.state('domain:a.test')).toBe('parked');
    expect(await s.put('a.test')).toMatchObject(unavailable);
    renameSync(s.away, s.at);
    await eventually(() => s.state('log') === 'running', 'a log');
    const doneInMs = async (name: string) => {
      const fromMs = performance.now();
      expect(await s.put(name)).toMatchObject({ type: 'done' });
      return performance.now() - fromMs;
    };
    const failedMs = await doneInMs('a.test');
    // Beside one that never failed: a machine may be busy.
    expect(failedMs).toBeLessThan(Math.max(1000, 10 * (await doneInMs('b.test'))));
  });

  it('lets the parts that read it be restarted, and ends when it is stopped', async () => {
    await using s = await onDisk();
    const { system, failures } = s.scene;
    renameSync(s.at, s.away);
    await system.sabotage('log');
    await eventually(() => s.state('log') === 'parked', 'a parked log');
    // All owners begin anew, which takes a look into the log.
    await system.sabotage('health');
    await eventually(() => s.state('activation') === 'parked', 'a parked activation');
    await pause(1000);
    expect(failures).toEqual([]);
    await system.stop();
    expect(failures).toEqual([]);
  });

  it('is not taken from an older copy', async () => {
    await using s = await onDisk();
    const { system } = s.scene;
    cpSync(s.at, s.away, { recursive: true });
    const newer = `${s.away}.newer`;
    await s.put('a.test');
    renameSync(s.at, newer);
    renameSync(s.away, s.at);
    await system.sabotage('log');
    await eventually(() => s.state('log') === 'parked', 'a parked log');
    expect(system.log.trouble?.message).toMatch(
      /to reach position 2, found that it ends at 1: an older copy/,
    );
    // Nor is it held: it is found to be that each time, and whoever has it may take it away.
    const parkings = () =>
      s.scene.happened.filter(({ id, type }) => id === 'log' && type === 'parked').length;
    await eventually(() => parkings() > 2, 'some tries');
    expect(system.log.trouble?.message).toMatch(/an older copy/);
    rmSync(s.at, { recursive: true });
    renameSync(newer, s.at);
    await eventually(() => s.state('log') === 'running', 'a log');
    expect(await s.put('b.test')).toMatchObject({ type: 'done', position: 3 });
  });

  it('is waited for while somebody else holds it, and what he wrote is followed', async () => {
    await using s = await onDisk();
    const { system, published } = s.scene;
    await s.put('a.test');
    renameSync(s.at, s.away);
    await system.sabotage('log');
    await eventually(() => s.state('log') === 'parked', 'a parked log');
    const other = openSqliteLog({ directory: s.away, now: Date.now });
    await other.append(append([write(domainOf('a.test'), 1, [{ type: 'DomainRemoved', data: {} }], null)]));
    renameSync(s.away, s.at);
    const isHeld = () => /found it held by process/.test(system.log.trouble?.message ?? '');
    await eventually(isHeld, 'a directory that is held');
    expect(await s.put('b.test')).toMatchObject(unavailable);
    await other.close();
    await eventually(() => s.state('feed') === 'running', 'a feed');
    expect(published.flat().map(({ position, type }) => [position, type])).toEqual([
      [1, 'PoolCreated'],
      [2, 'DomainCreated'],
      [3, 'DomainRemoved'],
    ]);
    // Its owner had not heard of it.
    expect(await s.put('a.test')).toMatchObject({ type: 'done', version: 3, position: 4 });
  });

  it('ends the tree where it is damaged, which no time mends', async () => {
    await using s = await onDisk();
    const { system, failures } = s.scene;
    await system.log.close();
    rmSync(join(s.at, 'events.db-wal'), { force: true });
    writeFileSync(join(s.at, 'events.db'), Buffer.alloc(16_384, 'x'));
    await system.sabotage('log');
    await eventually(() => failures.length > 0, 'a tree that gave up');
    expect(failures[0]).toMatchObject({ code: 'restarts_exceeded' });
  });
});

it('says what the last append failed with, until one is well', async () => {
  await using s = await onDisk();
  const { log } = s.scene.system;
  renameSync(s.at, s.away);
  expect(await s.put('a.test')).toMatchObject(unavailable);
  expect(log.trouble?.message).toMatch(/expected the file that was opened/);
  renameSync(s.away, s.at);
  expect(await s.put('a.test')).toMatchObject({ type: 'done' });
  expect(log.trouble).toBe(undefined);
});

describe('a log whose file is damaged while it is open', () => {
  it('is told of where a command was refused over what it had to read, until it is opened again', async () => {
    await using root = await tempDirectory();
    const path = join(root.path, 'events.db');
    const open = () => openSqliteLog({ directory: root.path, now: Date.now });
    await filled(open());
    const { system } = await startSystem(open);
    await using _ = { [Symbol.asyncDispose]: () => system.stop() };
    const removed = () => system.desk.ask({ type: 'RemoveDomain', host: domain('1000.test') }, BY);
    const sound = readFileSync(path);
    writeFileSync(path, Buffer.alloc(sound.length, 'x'));
    expect(await removed()).toMatchObject(unavailable);
    expect(system.trouble?.message).toMatch(/events\.db: .*malformed/);
    writeFileSync(path, sound);
    await system.sabotage('log');
    expect(await removed()).toMatchObject({ type: 'done' });
    expect(system.trouble).toBe(undefined);
  });
});

/** With more domains than SQLite keeps in memory. */
async function filled(log: LocalLog): Promise<void> {
  const settings = { pool: pool('web'), errorPages: { error: 'x'.repeat(4000) } };
  const created = [{ type: 'DomainCreated', data: { settings } } as const];
  const writes = Array.from({ length: 1500 }, (_, at) =>
    write(domainOf(`${at}.test`), 0, created, { settings, version: 1 }),
  );
  await log.append(append(writes));
  await log.close();
}
