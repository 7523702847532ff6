/** What our own mistakes cost, each at a place where nobody but us would be told of it. */
import { describe, expect, it } from 'vitest';
import type { OutcomeType } from '../../actors/index.ts';
import { eventually } from '../support/eventually.ts';
import { GET, get, routed } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';

const MISTAKE = new Error('of this test');

describe('a mistake of ours', () => {
  it('in the beginning of a request that waited behind another is told to its client at once', async () => {
    let requests = 0;
    const { router, backend } = await routed(undefined, {
      observe: ({ phase }) => {
        if (phase === 'route' && ++requests === 2) throw MISTAKE;
      },
    });
    const client = await router.connect();
    client.send(GET + get('/behind'));
    const connection = await backend.accept();
    await connection.takeRequest();
    connection.send(ok());
    expect((await client.response()).status).toBe(200);
    expect((await client.response()).status).toBe(503);
    expect(router.reports).toMatchObject([{ type: 'request_crashed', error: MISTAKE }]);
    await eventually(() => router.isQuiet, 'quiet');
  });

  it.each([1, 2, 3])(
    'is that of one of several requests, number %d, and the others are answered',
    async (unlucky) => {
      let begun = 0;
      const { router } = await routed((request) => ok(request.target), {
        observe: ({ phase, outcome }) => {
          if (phase === 'route' && outcome === undefined && ++begun === unlucky) throw MISTAKE;
        },
      });
      const client = await router.connect();
      client.send(get('/1') + get('/2') + get('/3'));
      for (const number of [1, 2, 3]) {
        const { status, body } = await client.response();
        if (number === unlucky) expect(status).toBe(503);
        else expect(body).toBe(`/${number}`);
      }
      expect(router.reports).toMatchObject([{ requestId: expect.stringMatching(`${unlucky - 1}$`) }]);
      await eventually(() => router.isQuiet, 'quiet');
    },
  );

  it('that leaves a request no orderly end leaves those behind it none to begin', async () => {
    let first = '';
    const { router, backend } = await routed(() => ok(), {
      observe: ({ id }) => {
        first ||= id;
        if (id === first) throw MISTAKE;
      },
    });
    const client = await router.connect();
    client.send(GET + get('/behind'));
    await eventually(() => client.closed, 'the end');
    await eventually(() => router.isQuiet, 'quiet');
    expect(router.plane.counters).toMatchObject({ requests: 1, crashes: 1 });
    expect(backend.connections).toEqual([]);
  });

  it('in the books of a request costs its record, and its client is served on', async () => {
    const { router } = await routed(() => ok(), {
      observe: (request) => {
        if (request.outcome !== undefined) request.outcome = { type: 'nothing' as OutcomeType } as never;
      },
    });
    const client = await router.connect();
    for (let turn = 0; turn < 2; turn++) expect((await client.request(GET)).status).toBe(200);
    // Answered by the router itself.
    expect(
      (await client.request('TRACE / HTTP/1.1\r\nHost: app.test\r\nMax-Forwards: 0\r\n\r\n')).status,
    ).toBe(200);
    expect((await client.request(GET)).status).toBe(200);
    expect(router.reports.map(({ type }) => type)).toEqual(Array(4).fill('request_crashed'));
    expect(router.plane.counters.crashes).toBe(4);
    await eventually(() => router.isQuiet, 'quiet');
  });
});
