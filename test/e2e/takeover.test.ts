/** `serve --take-over`: another process takes the place of one that routes, and no client is refused. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { Agent, fetch } from 'undici';
import { describe, expect, it } from 'vitest';
import { linesOf } from '../../src/cli/transport/transport.ts';
import { AdminClient } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { eventually, pause } from '../support/eventually.ts';
import { startLoad, summary } from '../support/load.ts';
import { COMMAND, type RouterProcess, runCommand, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const HOST = 'shop.example';
const LATE = join(import.meta.dirname, '../support/fixtures/late-threads.mjs');
const PROBE = '/probe';
// The log is opened again a tenth of a second after the other process is gone. That is a few commands that are refused, each of which takes
// turns of the router, however busy the machine is; back-off would be hundreds.
const MOST_REFUSED = 100;
// A process starts until then: a machine that others use too may take many seconds.
const START_MS = 30_000;

async function scene(workers: string) {
  const stack = new AsyncDisposableStack();
  const { path: directory } = stack.use(await tempDirectory());
  const backend = stack.use(await Backend.start({ name: 'web.1' }));
  const config = {
    listeners: [{ address: '127.0.0.1:0', probePath: PROBE }],
    pools: { web: { backends: { 'web.1': { address: backend.address } } } },
    domains: { [HOST]: { pool: 'web' } },
  };
  const options = { directory, config, args: ['--workers', workers] };
  const old = stack.use(await startRouter(options));
  const admin = stack.use(new AdminClient(old.admin));
  const data = join(directory, 'data');
  const put = (name: string) => admin.put(`/v1/domains/${name}.example`, { pool: 'web' });
  const words = ['serve', '--take-over', '--data', data, '--listen', '127.0.0.1:0', '--admin', old.admin];
  return {
    directory,
    data,
    old,
    admin,
    words,
    /** The other process once it has the place. */
    taken: async () =>
      stack.use(await startRouter({ ...options, admin: old.admin, args: [...options.args, '--take-over'] })),
    put,
    /** It carries out commands again. */
    isBackSoon: async (name: string) => {
      for (let refused = 0; (await put(name)).status !== 201; refused += 1) {
        expect(refused).toBeLessThan(MOST_REFUSED);
        await pause(20);
      }
    },
    /** Asked until there is an answer: a query has ten seconds, and is a process that has to start. */
    rows: async (sql: string) => {
      let rows: unknown[][] | undefined;
      const query = async () => {
        rows = (await admin.post<{ rows?: unknown[][] }>('/v1/query', { sql })).body.rows;
        return rows;
      };
      await expect.poll(query, { timeout: START_MS }).toBeDefined();
      return rows!;
    },
    status: async (name: string) => (await ask(old.port, `${name}.example`)).status,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A load balancer's health checks, on connections that it keeps, until `isOver`; each status that it ever saw. */
async function probed(port: number, isOver: () => boolean): Promise<Set<number>> {
  const seen = new Set<number>();
  const agent = new Agent({ connections: 10 });
  const ways = Array.from({ length: 10 }, async () => {
    while (!isOver()) {
      // A kept connection may close just when it is used.
      const answer = await fetch(`http://127.0.0.1:${port}${PROBE}`, { dispatcher: agent }).catch(
        () => undefined,
      );
      if (answer !== undefined) seen.add(answer.status);
      await answer?.text();
    }
  });
  await Promise.all(ways);
  await agent.close();
  return seen;
}

/** Whoever wants to take over, as far as the router can tell. */
class Taker {
  readonly #call: ClientRequest;
  readonly #answers: Promise<AsyncGenerator<string>>;
  readonly status: Promise<number>;

  constructor(old: RouterProcess, data: string) {
    const { dev, ino } = statSync(data, { bigint: true });
    const [host, port] = old.admin.split(':');
    this.#call = request({
      host,
      port,
      method: 'POST',
      path: `/v1/takeover?pid=4711&directory=${dev}:${ino}`,
      headers: { 'content-type': 'application/x-ndjson' },
    });
    this.#call.on('error', () => {});
    this.#call.flushHeaders();
    const response = once(this.#call, 'response').then(([first]: IncomingMessage[]) => first!);
    this.status = response.then(({ statusCode }) => statusCode ?? 0);
    this.#answers = response.then(linesOf);
  }

  async wants(want: string): Promise<unknown> {
    this.#call.write(`${JSON.stringify({ want })}\n`);
    const { value } = await (await this.#answers).next();
    return value && JSON.parse(value);
  }

  /** Its last word before it goes; resolves when it is gone. */
  async asksAndLeaves(want: string): Promise<void> {
    this.#call.write(`${JSON.stringify({ want })}\n`, () => this.leave());
    await new Promise((resolve) => this.#call.once('close', resolve));
  }

  /** Undefined: the router has nothing more to say. */
  async hears(): Promise<string | undefined> {
    return (await (await this.#answers).next()).value;
  }

  leave(): void {
    this.#call.destroy();
  }
}

describe.each(['0', '2'])('with %s workers, a router that is taken over', (workers) => {
  it('never tells a health check of an end: the addresses are served on', async () => {
    await using s = await scene(workers);
    let isOver = false;
    const probing = probed(s.old.port, () => isOver);
    await s.taken();
    await s.old.ended;
    isOver = true;
    expect(await probing).toEqual(new Set([200]));
  });

  it('refuses no client, loses no change, and leaves a journal of every request', async () => {
    await using s = await scene(workers);
    const { old, admin } = s;
    expect((await s.put('before')).status).toBe(201);
    const clients = { port: old.port, hosts: [HOST], connections: 8, forgivesUnaccepted: true };
    const keeping = startLoad({ ...clients, perSecond: 200 });
    const coming = startLoad({ ...clients, perSecond: 150, fields: ['Connection: close'] });
    await Promise.all([keeping.completes(50), coming.completes(50)]);
    const fresh = await s.taken();
    const readyAt = new Date().toISOString();
    expect(fresh.listeners).toEqual(old.listeners);
    expect((await s.put('after')).status).toBe(201);
    await Promise.all([keeping.completes(50), coming.completes(50), old.ended]);
    expect(await old.ended).toMatchObject({ code: 0, signal: null });
    const figures = await Promise.all([keeping.stop(), coming.stop()]);
    for (const load of figures) {
      expect(load.failures, summary(load)).toEqual([]);
      expect(load.refused).toBe(0);
      // Only what the system had made in the very moment in which a listener was closed: one of each client at most.
      expect(load.unaccepted).toBeLessThanOrEqual(clients.connections);
    }
    for (const name of ['before', 'after']) expect(await s.status(name)).toBe(200);
    expect((await admin.post('/v1/verify')).body).toMatchObject({ ok: true, events: 5, findings: [] });
    const counted = await s.rows(`SELECT count(*) FROM v1_requests WHERE host = '${HOST}'`);
    expect(counted).toEqual([[figures[0].completed + figures[1].completed]]);
    const late = await s.rows(
      `SELECT id FROM v1_requests WHERE host = '${HOST}' AND started_at <= '${readyAt}' ORDER BY started_at DESC LIMIT 30`,
    );
    for (const [id] of late) {
      const { body: story } = await admin.get<{ steps: object[] }>(`/v1/requests/${id}`);
      expect(story.steps).toMatchObject([{ type: 'leased', backend: 'web.1', sight: { picked: 'web.1' } }]);
    }
    const replayed = (await admin.post('/v1/replay', { verify: true })).body;
    expect(replayed).toMatchObject({
      ok: true,
      runs: 2,
      skipped: 0,
      gaps: [],
      recordedGaps: [],
      damaged: [],
    });
  });
});

describe('a router that has made room', () => {
  it('refuses commands, and goes on routing; taken back, what was written meanwhile is in force', async () => {
    await using s = await scene('2');
    const { old, data, directory } = s;
    const taker = new Taker(old, data);
    expect(await taker.wants('list')).toMatchObject({
      held: [{ wished: '127.0.0.1:0', bound: old.listeners[0] }],
    });
    expect((await s.put('first')).status).toBe(201);
    expect(await taker.wants('room')).toEqual({ given: 'room' });
    const refused = await s.put('second');
    expect(refused).toMatchObject({
      status: 503,
      body: { type: 'log_unavailable' },
      headers: { 'retry-after': '1' },
    });
    expect(JSON.stringify(refused.body)).toContain('process 4711 is taking over');
    for (const name of ['shop', 'first']) expect(await s.status(name)).toBe(200);
    const lines = join(directory, 'lines.ndjson');
    writeFileSync(lines, '{"domain":"elsewhere.example","pool":"web"}\n');
    const imported = await runCommand(['import', lines, '--data', data]);
    expect(imported.code, imported.output).toBe(0);
    taker.leave();
    await s.isBackSoon('second');
    for (const name of ['elsewhere', 'second']) expect(await s.status(name)).toBe(200);
  });

  it('takes back what it let go when the other process ends before it is ready, however it does', async () => {
    await using s = await scene('2');
    const { old, admin } = s;
    const count = (words: string) => old.output().split(words).length - 1;
    for (const [round, signal] of (['SIGKILL', 'SIGTERM'] as const).entries()) {
      // Long enough to be ended before it is ready, however busy the machine is.
      const env = { ...process.env, NODE_OPTIONS: `--import=${LATE}` };
      const other = spawn(COMMAND, [...s.words, '--workers', '2'], {
        stdio: ['ignore', 'pipe', 'ignore'],
        env,
      });
      const lines = other.stdout.setEncoding('utf8').toArray();
      await eventually(() => count('handed over the log') > round, 'room for the other process', START_MS);
      other.kill(signal);
      if (other.exitCode === null && other.signalCode === null) await once(other, 'exit');
      await s.isBackSoon(`back-${round}`);
      expect(await s.status(`back-${round}`)).toBe(200);
      expect(count('"took the log back')).toBe(round + 1);
      expect((await lines).join('')).not.toContain('"ready"');
    }
    expect((await admin.post('/v1/verify')).body).toMatchObject({ ok: true, findings: [] });
  });

  it('gives its place to nobody who is gone', async () => {
    await using s = await scene('2');
    const taker = new Taker(s.old, s.data);
    expect(await taker.wants('room')).toEqual({ given: 'room' });
    // It stands still for so long that the other one loses patience.
    s.old.signal('SIGSTOP');
    await taker.asksAndLeaves('place');
    s.old.signal('SIGCONT');
    await s.isBackSoon('still');
    expect(await s.status('still')).toBe(200);
  });

  it('ends by SIGTERM as always', async () => {
    await using s = await scene('2');
    const taker = new Taker(s.old, s.data);
    expect(await taker.wants('room')).toEqual({ given: 'room' });
    s.old.signal('SIGTERM');
    expect(await taker.hears()).toBeUndefined();
    const { code, output } = await s.old.ended;
    expect(code).toBe(0);
    expect(output).not.toContain('gone without having taken over');
  });
});

describe('serve --take-over', () => {
  it('serves also where the one before it is gone before it has given its place', async () => {
    await using s = await scene('0');
    const coming = s.taken();
    await eventually(
      () => s.old.output().includes('handed over the log'),
      'room for the other process',
      START_MS,
    );
    await s.old.kill();
    const { port, listeners } = await coming;
    expect(listeners).toEqual(s.old.listeners);
    expect((await ask(port, HOST)).status).toBe(200);
    await s.isBackSoon('after');
  });

  it('says why it cannot, and the router goes on; where there is none it starts', async () => {
    await using s = await scene('0');
    const { old, words, data, directory } = s;
    const elsewhere = await runCommand([
      ...words.slice(0, 2),
      '--data',
      join(directory, 'other'),
      ...words.slice(4),
    ]);
    expect(elsewhere).toMatchObject({ code: 1 });
    expect(elsewhere.output).toContain(
      'to serve the same data directory as this router, found that it serves another',
    );
    const taker = new Taker(old, data);
    await taker.wants('list');
    const second = await new Taker(old, data).status;
    expect(second).toBe(409);
    taker.leave();
    expect((await s.put('still')).status).toBe(201);
    // It had not let go of anything.
    const { output } = await old.stop();
    expect(output).toContain('gone without having taken over');
    expect(output).not.toContain('took the log back');
    const { port } = await s.taken();
    expect((await ask(port, 'still.example')).status).toBe(200);
  });
});
