/** A log that crashes while its directory is away: requests go on, and so does everything else once it is back. */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AdminClient } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const WAIT = { timeout: 20_000 };
type Verified = {
  readonly findings: readonly object[];
  readonly journal: { readonly damaged: readonly string[] };
};
type Actors = { readonly items: readonly { readonly id: string; readonly state: string }[] };

async function withoutLog(workers: string) {
  const stack = new AsyncDisposableStack();
  const { path } = stack.use(await tempDirectory());
  const backend = stack.use(await Backend.start({ name: 'web.1' }));
  const router = stack.use(
    await startRouter({
      directory: path,
      args: ['--workers', workers, '--chaos'],
      config: {
        pools: { web: { backends: { 'web.1': { address: backend.address } } } },
        domains: { 'warm.example': { pool: 'web' }, 'cold.example': { pool: 'web' } },
      },
    }),
  );
  const admin = stack.use(new AdminClient(router.admin));
  const stateOf = async (id: string) =>
    (await admin.get<Actors>('/v1/actors')).body.items.find((actor) => actor.id === id)?.state;
  expect((await ask(router.port, 'warm.example')).status).toBe(200);
  const [data, away] = [join(path, 'data'), join(path, 'away')];
  renameSync(data, away);
  expect((await admin.post('/v1/chaos', { crash: 'log' })).status).toBe(200);
  await expect.poll(() => stateOf('log'), WAIT).toBe('parked');
  const back = () => renameSync(away, data);
  return { router, admin, stateOf, back, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe.each(['0', '2'])('with %s workers, a log that cannot be opened again', (workers) => {
  it('costs no request, refuses commands, is told of once, and takes commands again when it is back', async () => {
    await using s = await withoutLog(workers);
    const { router, admin } = s;
    const shop = () => admin.put('/v1/domains/new.example', { pool: 'web' });
    // Some twenty tries: twice as many as a supervisor takes for a sign that it never will be well.
    for (let looks = 0; looks < 8; looks++) {
      expect(await shop()).toMatchObject({ status: 503, body: { type: 'log_unavailable' } });
      for (const host of ['warm.example', 'cold.example'])
        expect((await ask(router.port, host)).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const ready = await admin.get<{ detail: string }>('/readyz');
    expect(ready.status).toBe(200);
    expect(ready.body.detail).toMatch(/^ready; commands are refused: .*events\.db, found none any more$/);
    const metrics = (await admin.get<string>('/metrics')).body;
    expect(metrics).toMatch(/^switchyard_log_readable 0$/m);
    expect(metrics).toMatch(/^switchyard_log_writable 0$/m);
    expect(metrics).toMatch(/^switchyard_actors\{kind="log",state="parked"\} 1$/m);
    expect(router.output().match(/"log (crashed|parked)"/g)).toEqual([
      '"log crashed"',
      '"log crashed"',
      '"log parked"',
    ]);
    s.back();
    await expect.poll(async () => (await shop()).status, WAIT).toBe(201);
    expect((await ask(router.port, 'new.example')).status).toBe(200);
    expect((await admin.get('/readyz')).body).toMatchObject({ detail: 'ready' });
    const verified = (await admin.post<Verified>('/v1/verify')).body;
    expect([verified.findings, verified.journal.damaged]).toEqual([[], []]);
    expect(verified).toMatchObject({ ok: true, events: 5 });
  });

  it('keeps a worker that crashes waiting, and the router from being ready where none is left', async () => {
    await using s = await withoutLog(workers);
    const { router, admin } = s;
    const numbers = workers === '0' ? [0] : [1, 2];
    for (const number of numbers) {
      const id = `worker:${number}`;
      expect((await admin.post('/v1/chaos', { crash: id })).status).toBe(200);
      await expect.poll(() => s.stateOf(id), WAIT).toBe('parked');
      if (number === 1) expect((await ask(router.port, 'warm.example')).status).toBe(200);
    }
    expect(await admin.get('/readyz')).toMatchObject({
      status: 503,
      body: { detail: 'no worker accepts connections' },
    });
    s.back();
    await expect.poll(async () => (await admin.get('/readyz')).status, WAIT).toBe(200);
    expect((await ask(router.port, 'cold.example')).status).toBe(200);
  });

  it('is no hindrance to an end', async () => {
    await using s = await withoutLog(workers);
    // A drain lasts 30 s where nothing is said.
    const { code, output } = await s.router.stop(25_000);
    expect(code, output).toBe(0);
  });
});
