import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  asleepOver,
  type ChildEnd,
  type DomainCommand,
  OwnerUnavailable,
  RoutingDesk,
  type Running,
} from '../../actors/index.ts';
import {
  createMemoryLog,
  type DomainName,
  type LocalLog,
  openSqliteLog,
  type PoolName,
  type Recorded,
  swapLog,
  verify,
} from '../../eventlog/index.ts';
import { type ChunkResult, cutLines, ImportThread, importChunks } from '../../src/import/index.ts';
import { projectionOf } from '../../src/projection.ts';
import { copyLog } from '../support/copy-log.ts';
import { eventually, pause } from '../support/eventually.ts';
import { startChild } from '../support/start-child.ts';
import { tamper } from '../support/tamper.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';

const POOL = '{"pool":"web","backends":{"web.1":{"address":"127.0.0.1:9001"}}}\n';
const domains = (count: number, name = 'd') =>
  Array.from({ length: count }, (_, index) => `{"domain":"${name}${index}.example.com","pool":"web"}\n`).join(
    '',
  );
const put = (host: string): DomainCommand => ({
  type: 'PutDomain',
  host: host as DomainName,
  settings: { pool: 'web' as PoolName },
});

async function* pieces(text: string, size = 10_000): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of source) found.push(each);
  return found;
}

// A pool comes with two events, its own and that of its backend; a domain with one.
const POOL_EVENTS = 2;

describe('the thread of imports', () => {
  let directory: TempDirectory;
  let log: LocalLog;
  let desk: RoutingDesk;
  let imports: ImportThread;
  let ends: ChildEnd[];
  let running: Running;
  let told: Recorded[];
  let published: number;

  beforeEach(async () => {
    directory = await tempDirectory();
    log = openSqliteLog({ directory: directory.path, now: () => 1000 });
    told = [];
    published = 0;
    log.onAppended(({ events }) => told.push(...events));
    desk = new RoutingDesk({
      log,
      owners: asleepOver(log),
      // Later than what is told of it comes.
      published: async (position) => {
        await pause(2);
        published = position;
      },
      newCommandId: randomUUID,
    });
    imports = threadOf(30_000);
    ends = [];
    await start();
  });

  afterEach(async () => {
    await running.stop('shutdown');
    await log.close();
    await directory[Symbol.asyncDispose]();
  });

  function threadOf(idleMs: number): ImportThread {
    return new ImportThread({
      directory: directory.path,
      desk: () => desk,
      listeners: () => ['127.0.0.1:8080'],
      idleMs,
    });
  }

  async function start(): Promise<void> {
    running = await startChild(imports, ends);
  }

  function importing(source: AsyncIterable<Uint8Array>, size = 250) {
    return imports.import(source, { size, by: { author: 'bulk', commandId: randomUUID() } });
  }

  async function imported(text: string, size?: number): Promise<ChunkResult[]> {
    return all(importing(pieces(text), size));
  }

  /** Whatever happened in between, listeners were told every event once, in order, and the log is whole. */
  async function expectWhole(): Promise<void> {
    const position = await log.position();
    expect(told.map((event) => event.position)).toEqual(
      Array.from({ length: position }, (_, index) => index + 1),
    );
    for (let from = 1; from <= position; from += 10_000)
      expect(told.slice(from - 1, from + 9999)).toEqual(await log.read({ from, limit: 10_000 }));
    expect(await verify(log.reader, projectionOf)).toMatchObject({ ok: true, findings: [] });
  }

  it('puts what the lines say, and each result is in force when it is told', async () => {
    const results = importing(pieces(POOL + domains(600)));
    const found: ChunkResult[] = [];
    for await (const result of results) {
      found.push(result);
      if (result.type === 'done') expect(published).toBeGreaterThanOrEqual(result.position);
    }
    expect(found).toMatchObject([
      { type: 'done', from: 1, to: 250, changed: 250, position: 251 },
      { type: 'done', from: 251, to: 500, changed: 250, position: 501 },
      { type: 'done', from: 501, to: 601, changed: 101, position: 602 },
    ]);
    expect(told.at(-1)).toMatchObject({
      stream: 'domain-d599.example.com',
      metadata: { author: 'bulk' },
      recordedAtMs: expect.any(Number),
    });
    await expectWhole();
  });

  it('refuses what the desk would refuse, in the same words, and what came before stays', async () => {
    const text = `${POOL}${domains(3)}{"domain":"x.example.com","pool":"nowhere"}\n${domains(1, 'e')}`;
    expect(await imported(text, 2)).toMatchObject([
      { type: 'done', from: 1, to: 2 },
      { type: 'done', from: 3, to: 4 },
      { type: 'failed', from: 5, to: 6, failure: { line: 5, rejection: { type: 'pool_unknown' } } },
    ]);
    const own = '{"pool":"web","backends":{"web.1":{"address":"127.0.0.1:8080"}}}\n';
    const [refused] = await imported(own);
    expect(refused?.type === 'failed' && refused.failure.detail).toContain('which is our own listener');
    expect(await imported('{"pool":')).toMatchObject([{ failure: { type: 'unreadable', line: 1 } }]);
    expect(await log.position()).toBe(POOL_EVENTS + 3);
    await expectWhole();
  });

  it('tells what was written together as one, and then what ended it', async () => {
    await imported(POOL);
    const text = `${domains(800)}{"domain":"x.example.com","pool":"nowhere"}\n${domains(450, 'e')}`;
    // At once, so that all of it is read before the first of it is written.
    const found = await all(imports.import(pieces(text, text.length), { by: { author: 'bulk' } }));
    expect(found).toMatchObject([
      { type: 'done', from: 1, to: 750, changed: 750, position: POOL_EVENTS + 750 },
      { type: 'failed', from: 751, to: 1000, failure: { line: 801 } },
    ]);
    expect(await log.position()).toBe(POOL_EVENTS + 750);
    await expectWhole();
  });

  it('tells no more lines as one than a chunk may have', async () => {
    await imported(POOL);
    const text = domains(2500);
    const found = await all(imports.import(pieces(text, text.length), { by: { author: 'bulk' } }));
    const sizes = found.map(({ from, to }) => to - from + 1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1000);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(2500);
    const changed = found.map((result) => (result.type === 'done' ? result.changed : 0));
    expect(changed).toEqual(sizes);
    await expectWhole();
  });

  it('writes much again when an import comes long after commands did', async () => {
    await imported(POOL);
    const bulk = all(imports.import(pieces(domains(20_000)), { by: { author: 'bulk' } }));
    for (let index = 0; index < 30; index++) await desk.ask(put(`s${index}.example.com`), { author: 'me' });
    await bulk;
    await pause(1200);
    const [first] = await all(imports.import(pieces(domains(4000, 'later')), { by: { author: 'bulk' } }));
    expect(first!.to).toBeGreaterThanOrEqual(250);
  });

  it('ends an import that is called off between two of its turns', async () => {
    await imported(POOL);
    const said: string[] = [];
    const wanted = new Int32Array(new SharedArrayBuffer(4));
    const program = new URL('../../src/import/importing-thread.ts', import.meta.url);
    const thread = new Worker(program, { workerData: { directory: directory.path, wanted } });
    const bytes = new TextEncoder().encode(domains(3000));
    thread.on('message', ({ type }: { type: string }) => {
      said.push(type);
      if (type !== 'turn' || said.filter((each) => each === 'turn').length > 1) return;
      // Both are there before the turn begins.
      thread.postMessage({ type: 'go', id: 1, turn: 1 });
      thread.postMessage({ type: 'cancel', id: 1 });
    });
    const { port1, port2 } = new MessageChannel();
    const begin = { type: 'begin', id: 1, wish: { by: { author: 'bulk' } }, listeners: [], bytes: port2 };
    thread.postMessage(begin, [port2]);
    port1.postMessage(bytes);
    await eventually(() => said.includes('failed') || said.includes('ended'), 'a last word');
    expect(said).toContain('wrote');
    thread.postMessage({ type: 'stop' });
    await once(thread, 'exit');
  });

  it('writes what comes before a chunk that the file will not take, and says where that begins', async () => {
    await imported(POOL);
    const db = new Database(join(directory.path, 'events.db'));
    db.exec(`CREATE TRIGGER broken BEFORE INSERT ON events WHEN NEW.stream = 'domain-d730.example.com'
      BEGIN SELECT RAISE(FAIL, 'as a broken disk would'); END`);
    const found = await imported(domains(2000), 100);
    expect(found.at(-1)).toMatchObject({
      type: 'failed',
      from: 701,
      to: 800,
      failure: { rejection: { type: 'log_unavailable', detail: expect.stringContaining('broken disk') } },
    });
    expect(found).toHaveLength(8);
    expect(await log.position()).toBe(POOL_EVENTS + 700);
    await expectWhole();
    db.exec('DROP TRIGGER broken');
    db.close();
    expect((await imported(domains(2000), 100)).at(-1)).toMatchObject({ type: 'done', to: 2000 });
    expect(await log.position()).toBe(POOL_EVENTS + 2000);
    await expectWhole();
  });

  it('needs no event of an owner whose row is sound', async () => {
    await imported(POOL + domains(200));
    tamper(directory.path, "UPDATE events SET checksum = 1 WHERE stream = 'domain-d7.example.com'");
    expect(await imported(POOL + domains(201))).toMatchObject([{ type: 'done', changed: 1 }]);
  });

  it('reads in the events what a damaged row does not tell', async () => {
    await imported(POOL + domains(200));
    tamper(directory.path, "UPDATE currents SET checksum = 1 WHERE stream = 'domain-d7.example.com'");
    expect(await imported(POOL + domains(201))).toMatchObject([{ type: 'done', changed: 1 }]);
    await log.rebuildCurrents(projectionOf);
    await expectWhole();
  });

  it('comes to what it would come to in this thread, whoever was there before', async () => {
    const other = createMemoryLog({ now: () => 1000 });
    const beside = new RoutingDesk({
      log: other,
      owners: asleepOver(other),
      published: async () => {},
      newCommandId: randomUUID,
    });
    const everywhere = async (text: string, size: number) => {
      const by = { author: 'bulk', commandId: randomUUID() };
      const own = { listeners: [], local: [] };
      const lines = cutLines(pieces(text), size);
      const here = await all(importChunks(lines, { desk: beside, ownAddresses: () => own, by }));
      expect(await all(imports.import(pieces(text), { size, by }))).toEqual(here);
      return here;
    };
    const pools = Array.from(
      { length: 30 },
      (_, index) =>
        `{"pool":"p${index}","policy":"p2c","backends":{"b.1":{"address":"127.0.0.1:${9100 + index}"}}}\n`,
    );
    const first = await everywhere(POOL + pools.join('') + domains(500), 50);
    expect(first.at(-1)).toMatchObject({ type: 'done' });
    for (const host of ['d3.example.com', 'd250.example.com']) {
      const remove = { type: 'RemoveDomain', host: host as DomainName } as const;
      for (const each of [desk, beside]) await each.ask(remove, { author: 'me', commandId: host });
    }
    // New ones, those that are there, two that were removed, one that is said twice, a route, and pools that change.
    const route =
      '{"domain":"d9.example.com","pool":"web","routes":[{"match":{"pathPrefix":"/a"},"pool":"p3"}]}\n';
    const moved = domains(120, 'e').replaceAll('"web"', '"p7"');
    const again = await everywhere(
      `${moved}\n\n${domains(700)}${route}${pools[3]!.replace('p2c', 'round-robin')}`,
      40,
    );
    expect(again.at(-1)).toMatchObject({ type: 'done' });
    const refused = await everywhere(
      `${domains(90, 'f')}{"domain":"g.example.com","pool":"p99"}\n${domains(90, 'h')}`,
      40,
    );
    expect(refused.at(-1)).toMatchObject({ type: 'failed', from: 81, failure: { line: 91 } });
    const unreadable = await everywhere(`${domains(90, 'i')}{"domain":\n${domains(90, 'j')}`, 40);
    expect(unreadable.at(-1)).toMatchObject({ type: 'failed', failure: { type: 'unreadable', line: 91 } });
    const plain = ({ metadata: _, recordedAtMs: _at, ...event }: Recorded) => event;
    const limit = { limit: 10_000 };
    expect((await log.read(limit)).map(plain)).toEqual((await other.read(limit)).map(plain));
    await expectWhole();
  });

  it('writes again and again in one turn while nobody else wants the log', async () => {
    await imported(POOL);
    const wanted = new Int32Array(new SharedArrayBuffer(4));
    const program = new URL('../../src/import/importing-thread.ts', import.meta.url);
    const thread = new Worker(program, { workerData: { directory: directory.path, wanted } });
    const said: { type: string; turn?: number; isLast?: boolean; packed?: { presence: string } }[] = [];
    thread.on('message', (message: (typeof said)[number]) => said.push(message));
    const { port1, port2 } = new MessageChannel();
    const begin = { type: 'begin', id: 1, wish: { by: { author: 'bulk' } }, listeners: [], bytes: port2 };
    thread.postMessage(begin, [port2]);
    port1.postMessage(new TextEncoder().encode(domains(6000)));
    port1.postMessage(null);
    // All is read when no more lines are wanted; that is told to who listens.
    port1.start();
    await once(port1, 'close');
    await eventually(() => said.length === 1, 'it to ask for its turn');
    for (let go = 0; go < 3; go++) thread.postMessage({ type: 'go', id: 1, turn: 1 });
    await eventually(() => said.at(-1)?.type === 'ended', 'its end');
    const wrote = said.filter(({ type }) => type === 'wrote');
    expect(wrote.map(({ isLast }) => isLast)).toEqual([false, false, false, true]);
    expect(wrote.map(({ packed }) => packed?.presence.length)).toEqual([2000, 2000, 2000, undefined]);
    expect(said.filter(({ type }) => type === 'turn')).toEqual([{ type: 'turn', id: 1, turn: 1 }]);
    thread.postMessage({ type: 'stop' });
    await once(thread, 'exit');
  });

  it('gives the log back when lines stay away, and asks for it anew when they come', async () => {
    await imported(POOL);
    const text = domains(20);
    const half = text.indexOf('d10.example.com');
    const cut = text.lastIndexOf('\n', half) + 1;
    const late = Promise.withResolvers<void>();
    async function* halves() {
      yield new TextEncoder().encode(text.slice(0, cut));
      await late.promise;
      yield new TextEncoder().encode(text.slice(cut));
    }
    const bulk = all(imports.import(halves(), { size: 5, by: { author: 'bulk' } }));
    await eventually(() => told.length > POOL_EVENTS, 'the first lines');
    await desk.alone(async () => {});
    expect((await desk.ask(put('single.example.com'), { author: 'me' })).type).toBe('done');
    late.resolve();
    expect((await bulk).map(({ type }) => type)).toEqual(['done', 'done', 'done', 'done']);
    await expectWhole();
  });

  it('lets whoever wants the log have it soon', async () => {
    await imported(POOL);
    const bulk = all(imports.import(pieces(domains(40_000)), { by: { author: 'bulk' } }));
    await eventually(() => told.length > POOL_EVENTS, 'the first lines');
    const before = told.length;
    const position = await desk.alone(async () => {
      const had = await log.position();
      await pause(30);
      expect(await log.position()).toBe(had);
      return had;
    });
    expect(position - before).toBeLessThan(10_000);
    await bulk;
    await expectWhole();
  });

  it('lets a single command in between two imports that take turns', async () => {
    await imported(POOL);
    const bulks = ['a', 'b'].map((name) =>
      all(imports.import(pieces(domains(20_000, name)), { by: { author: 'bulk' } })),
    );
    await eventually(() => told.length > POOL_EVENTS, 'the first lines');
    const answer = await desk.ask(put('single.example.com'), { author: 'me' });
    await Promise.all(bulks);
    expect(answer).toMatchObject({ type: 'done' });
    expect(answer.type === 'done' && answer.position).toBeLessThan(20_000);
    const whose = told.map(({ stream }) => stream[7]).slice(POOL_EVENTS);
    expect(whose.indexOf('a')).toBeLessThan(whose.lastIndexOf('b'));
    expect(whose.indexOf('b')).toBeLessThan(whose.lastIndexOf('a'));
    await expectWhole();
  });

  it('is refused where the log is not to be had when its turn comes', async () => {
    await imported(POOL);
    await log.close();
    expect(await imported(domains(3))).toMatchObject([
      { type: 'failed', from: 1, failure: { line: 1, rejection: { type: 'log_unavailable' } } },
    ]);
  });

  it('fails alone when its lines cannot be had', async () => {
    await imported(POOL);
    const thread = new Worker(new URL('../../src/import/importing-thread.ts', import.meta.url), {
      workerData: { directory: directory.path, wanted: new Int32Array(new SharedArrayBuffer(4)) },
    });
    const said: { type: string; id: number; message?: string }[] = [];
    thread.on('message', (message: (typeof said)[number]) => said.push(message));
    for (const [id, piece] of [
      [1, 7],
      [2, null],
    ] as const) {
      const { port1, port2 } = new MessageChannel();
      const wish = { by: { author: 'bulk' } };
      thread.postMessage({ type: 'begin', id, wish, listeners: [], bytes: port2 }, [port2]);
      port1.postMessage(piece);
    }
    await eventually(() => said.length === 2, 'both to end');
    expect(said).toContainEqual({ type: 'failed', id: 1, message: expect.stringContaining('chunk') });
    expect(said).toContainEqual({ type: 'ended', id: 2 });
    thread.postMessage({ type: 'stop' });
    await once(thread, 'exit');
  });

  it('lets single commands and other imports in between its chunks', async () => {
    await imported(POOL);
    const bulks = ['a', 'b', 'c'].map((name) => imported(domains(2000, name), 100));
    const answers = [];
    for (let index = 0; index < 40; index++) {
      const answer = await desk.ask(put(`single${index}.example.com`), { author: 'me' });
      answers.push(answer.type);
    }
    for (const results of await Promise.all(bulks)) expect(results).toHaveLength(20);
    expect(new Set(answers)).toEqual(new Set(['done']));
    expect(await log.position()).toBe(POOL_EVENTS + 3 * 2000 + 40);
    // They came among each other: not first all of one kind.
    const singles = told.filter((event) => event.stream.startsWith('domain-single'));
    expect(singles[0]!.position).toBeLessThan(3000);
    await expectWhole();
  });

  it('writes much in a turn, and little while others wait for theirs', async () => {
    const sizes = (results: readonly ChunkResult[]) => results.map(({ from, to }) => to - from + 1);
    const importAll = (text: string) => all(imports.import(pieces(text), { by: { author: 'bulk' } }));
    const ends = (each: readonly number[]) => each.map((_, at) => sum(each.slice(0, at + 1)));
    const sum = (each: readonly number[]) => each.reduce((all, size) => all + size);
    await imported(POOL);
    let turns: number[] = [];
    log.onAppended(({ size }) => turns.push(size));
    expect(sum(sizes(await importAll(domains(6000))))).toBe(6000);
    expect(Math.max(...turns)).toBeGreaterThanOrEqual(1500);
    turns = [];
    let isOver = false;
    const bulk = importAll(domains(20_000, 'e')).finally(() => {
      isOver = true;
    });
    for (let index = 0; !isOver; index++) await desk.ask(put(`single${index}.example.com`), { author: 'me' });
    const crowded = sizes(await bulk);
    expect(crowded).toContain(100);
    expect(sum(crowded)).toBe(20_000);
    // What was written in one turn is told as one, or in parts of a thousand lines.
    const written = turns.filter((size) => size > 1);
    expect(ends(crowded)).toEqual(expect.arrayContaining(ends(written)));
    expect(crowded.length).toBeLessThanOrEqual(written.length + 20_000 / 1000);
    await expectWhole();
  });

  it('goes on in the file that an archive has put in the place of the log', async () => {
    await imported(POOL);
    const bulk = importing(pieces(domains(3000)), 100);
    expect((await bulk.next()).value).toMatchObject({ type: 'done' });
    const fresh = join(directory.path, 'fresh.db');
    const upTo = await log.position();
    const breathe = async () => {};
    await copyLog({
      source: log.reader,
      path: fresh,
      from: 50,
      to: upTo,
      projectionOf,
      commands: 'all',
      breathe,
    });
    await desk.alone(async () => swapLog(log, directory.path, fresh, upTo));
    const rest = await all(bulk);
    expect(rest.at(-1)).toMatchObject({ type: 'done', to: 3000, position: POOL_EVENTS + 3000 });
    expect(await log.position()).toBe(POOL_EVENTS + 3000);
    expect(told).toHaveLength(POOL_EVENTS + 3000);
    expect(await verify(log.reader, projectionOf)).toMatchObject({ ok: true, findings: [] });
  });

  it('says where to go on when it is lost, tells of all that it had written, and works in its next life', async () => {
    const bulk = importing(pieces(POOL + domains(20_000), 1000), 50);
    expect((await bulk.next()).value).toMatchObject({ from: 1, to: 50 });
    running.crash?.(new Error('as a bug would'));
    const rest = await all(bulk);
    const last = rest.at(-1)!;
    const before = rest.at(-2)?.to ?? 50;
    expect(last).toMatchObject({
      type: 'failed',
      from: before + 1,
      failure: { rejection: { type: 'owner_unavailable' } },
    });
    expect(ends).toMatchObject([{ type: 'crashed', error: { message: 'as a bug would' } }]);
    // The desk is nobody's any more, and what was written is known, said or not.
    await desk.alone(async () => {});
    expect(await log.position()).toBeGreaterThanOrEqual(before);
    await expectWhole();
    await start();
    expect((await imported(POOL + domains(500))).at(-1)).toMatchObject({ type: 'done', to: 501 });
    expect((await imported(domains(500))).at(-1)).toMatchObject({ type: 'done', changed: 0 });
    await expectWhole();
  });

  it('tells of what it wrote once, also where an owner cannot follow', async () => {
    await imported(POOL);
    const failing = async () => {
      throw new OwnerUnavailable('the owner is parked', 1000);
    };
    const owners = { ...asleepOver(log), isAwake: () => true, bringUpTo: failing };
    desk = new RoutingDesk({ log, owners, published: async () => {}, newCommandId: randomUUID });
    expect((await imported(domains(3))).at(-1)).toMatchObject({
      type: 'failed',
      failure: { rejection: { type: 'owner_unavailable' } },
    });
    await expectWhole();
  });

  it('writes no more for who has gone, and gives the log back', async () => {
    await imported(POOL);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* pieces(domains(300));
      throw new Error('the client has gone');
    }
    await expect(all(importing(broken(), 100))).rejects.toThrow('the client has gone');
    const bulk = importing(pieces(domains(5000, 'e'), 1000), 10);
    await bulk.next();
    await bulk.return();
    await desk.alone(async () => {});
    const position = await log.position();
    expect(position).toBeLessThan(4000);
    expect((await desk.ask(put('f.example.com'), { author: 'me' })).type).toBe('done');
    expect(await log.position()).toBe(position + 1);
    await expectWhole();
  });

  it('goes when nobody has imported for long, without a word to its supervisor', async () => {
    await running.stop('shutdown');
    imports = threadOf(20);
    await start();
    for (const name of ['a', 'b']) {
      expect((await imported(POOL + domains(2, name))).at(-1)).toMatchObject({ type: 'done' });
      await eventually(() => !imports.isBorn, 'the thread to go');
    }
    expect(ends).toEqual([]);
  });

  it('leaves nobody waiting when it stops', async () => {
    const bulk = all(importing(pieces(POOL + domains(20_000), 1000), 50));
    await eventually(() => told.length > 0, 'the first chunk');
    await running.stop('kill');
    expect((await bulk).at(-1)).toMatchObject({ type: 'failed' });
    await desk.alone(async () => {});
    await expectWhole();
  });
});
