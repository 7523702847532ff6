/** A change on trial outlives the router: killed in between, it is confirmed or undone by the next one, on time. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AdminClient } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { pause } from '../support/eventually.ts';
import { eventsOf } from '../support/history.ts';
import { startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

// A machine with much else to do.
const PATIENCE_MS = 240_000;
// Together more than a system takes for somebody who does not read.
const PAGES = 200;
const PAGE = 'x'.repeat(30_000);
// As many as history serves at once.
const READERS = 8;

async function scene() {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await tempDirectory());
  const web = stack.use(await Backend.start({ name: 'web' }));
  const pools = { web: { backends: { 'web.1': { address: web.address } } } };
  const config = { accessLog: false, pools, domains: { '*': { pool: 'web' } } };
  const owned = stack.move();
  const start = async () => {
    await using starting = new AsyncDisposableStack();
    const router = starting.use(await startRouter({ directory: path, config, readyWithinMs: PATIENCE_MS }));
    const admin = starting.use(new AdminClient(router.admin));
    const both = starting.move();
    return { router, admin, [Symbol.asyncDispose]: () => both.disposeAsync() };
  };
  const wished = { pools, domains: { 'new.example': { pool: 'web' } } };
  return { start, wished, old: join(path, 'old.db'), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

type Applied = { readonly confirm: { readonly id: string; readonly untilMs: number } };

describe('a router killed while a change is on trial', () => {
  it(
    'undoes it before it is ready if it starts after the time, and what came in between stays',
    async () => {
      await using stage = await scene();
      const first = await stage.start();
      const { body } = await first.admin.must<Applied>(
        'POST',
        '/v1/apply?confirmWithinMs=1500',
        stage.wished,
      );
      await first.admin.must('PUT', '/v1/domains/mine.example', { pool: 'web' });
      await first.router.kill();
      while (Date.now() < body.confirm.untilMs) await pause(50);

      await using second = await stage.start();
      expect((await ask(second.router.port, 'other.example')).status).toBe(200);
      const { items } = (await second.admin.must<{ items: { name: string }[] }>('GET', '/v1/domains')).body;
      expect(items.map(({ name }) => name)).toEqual(['*', 'mine.example']);
      const late = await second.admin.post<{ type: string }>('/v1/confirm', { id: body.confirm.id });
      expect(late.body.type).toBe('confirmation_late');
      const events = await eventsOf(second.admin);
      expect(events.filter(({ metadata }) => metadata.author === 'confirm-within')).toHaveLength(2);
    },
    PATIENCE_MS,
  );

  it(
    'still has it on trial, and no archive takes away what undoing it needs',
    async () => {
      await using stage = await scene();
      const first = await stage.start();
      const { body } = await first.admin.must<Applied>(
        'POST',
        '/v1/apply?confirmWithinMs=600000',
        stage.wished,
      );
      await first.router.kill();

      const second = await stage.start();
      const archive = { before: 6, file: stage.old };
      const refused = await second.admin.post<{ detail: string }>('/v1/archive', archive);
      expect(refused.body.detail).toContain(`up to 4 while change ${body.confirm.id} is on trial`);
      await second.admin.must('POST', '/v1/confirm', { id: body.confirm.id });
      await second.router.kill();

      await using third = await stage.start();
      expect((await third.admin.must('GET', '/v1/confirmations')).body).toEqual({ items: [] });
      expect((await ask(third.router.port, 'other.example')).status).toBe(404);
      await third.admin.must('POST', '/v1/archive', archive);
    },
    PATIENCE_MS,
  );
});

it(
  'a change on trial is undone in time, however slowly others read the past',
  async () => {
    await using stage = await scene();
    await using first = await stage.start();
    const { admin, router } = first;
    const { pools, domains } = stage.wished;
    const pages = Object.fromEntries(
      Array.from({ length: PAGES }, (_, n) => [
        `d${n}.example`,
        { pool: 'web', errorPages: { error: PAGE } },
      ]),
    );
    const beganMs = performance.now();
    await admin.must('POST', '/v1/apply', { pools, domains: pages });
    // Until the readers are there, on a machine on which everything takes longer too.
    const withinMs = Math.min(60_000, Math.max(10_000, Math.round(10 * (performance.now() - beganMs))));
    const wished = { pools, domains: { ...pages, ...domains } };
    const { body } = await admin.must<Applied>('POST', `/v1/apply?confirmWithinMs=${withinMs}`, wished);
    const [host, port] = router.admin.split(':');
    await using readers = new AsyncDisposableStack();
    for (let reader = 0; reader < READERS; reader++) {
      const socket = connect({ host: host!, port: Number(port) });
      readers.defer(() => void socket.destroy());
      socket.write(`GET /v1/state HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      await once(socket, 'readable');
    }
    expect(Date.now()).toBeLessThan(body.confirm.untilMs);
    expect((await admin.get('/v1/domains/new.example')).status).toBe(200);
    await expect
      .poll(async () => (await admin.get('/v1/domains/new.example')).status, { timeout: 2 * withinMs })
      .toBe(404);
    expect(Date.now() - body.confirm.untilMs).toBeLessThan(withinMs);
  },
  PATIENCE_MS,
);
