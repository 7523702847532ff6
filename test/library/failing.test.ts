import { describe, expect, it } from 'vitest';
import type { Decisions } from '../../src/index.ts';
import { eventually, pause } from '../support/eventually.ts';
import { RawClient } from '../support/raw-client.ts';
import { backendThat, deadPort, GET, post } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { bare, local, scene } from './scene.ts';

type Callback = Exclude<keyof Decisions, 'checkin' | 'finished' | 'errorPage' | 'feature'>;

// What is given back, and how, when each of the callbacks that come before a response fails.
const CHECKINS: Readonly<Record<Callback, readonly string[]>> = {
  init: [],
  lookupDomain: [],
  checkout: [],
  backendOf: ['checkin checkout internal_error'],
  additionalHeaders: ['checkin connected internal_error'],
};
const CALLBACKS = Object.keys(CHECKINS) as Callback[];

const boom = new Error('boom');
const FAILURES = [
  [
    'throws',
    () => {
      throw boom;
    },
  ],
  ['rejects', () => Promise.reject(boom)],
] as const;

describe.each(FAILURES)('a callback that %s', (_how, fail) => {
  it.each(CALLBACKS)('costs its request and no other: %s', async (callback) => {
    const backend = await backendThat(() => ok());
    const { calls, connect, reports, yard } = await scene({
      decisions: { checkout: () => local(backend.port), [callback]: fail },
    });
    const client = await connect();
    const response = await client.request(GET);
    expect(response.status).toBe(503);
    expect(response.body).toContain('H99');
    expect(reports).toMatchObject([{ where: callback, error: boom }]);
    expect(reports[0]?.requestId).toMatch(/^[0-9a-f-]{36}$/);
    await eventually(() => calls.at(-1) === 'finished internal_error', 'the end');
    expect(calls.filter((call) => call.startsWith('checkin'))).toEqual(CHECKINS[callback]);
    expect(calls.filter((call) => call.startsWith('errorPage')).length).toBe(1);
    expect((await client.request(GET)).status).toBe(503);
    const totals = () => yard.metrics().totals;
    await eventually(() => totals()['checkins'] === totals()['checkouts'], 'every lease back');
    expect(totals()).toMatchObject({ inFlight: 0, crashes: 0 });
  });

  it('is reported where it is too late for the request: checkin, finished', async () => {
    const backend = await backendThat(() => ok());
    const { connect, reports } = await scene({
      decisions: { checkout: () => local(backend.port), checkin: fail, finished: fail },
    });
    const client = await connect();
    expect((await client.request(GET)).status).toBe(200);
    expect((await client.request(GET)).status).toBe(200);
    await eventually(() => reports.length === 4, 'four reports');
    expect(reports.map((report) => report.where).sort()).toEqual([
      'checkin',
      'checkin',
      'finished',
      'finished',
    ]);
  });

  it('is made good by the router’s own page: errorPage', async () => {
    const { calls, connect, reports } = await scene({
      decisions: { checkout: () => undefined, errorPage: fail },
    });
    const client = await connect();
    expect((await client.request(GET)).body).toContain('H14');
    expect(reports).toMatchObject([{ where: 'errorPage', error: boom }]);
    expect(calls.at(-1)).toBe('finished no_backends');
  });

  it('is reported as a warning of the process if nobody else wants to know', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const { connect } = await scene({
      decisions: { checkout: fail },
      report: undefined as unknown as () => void,
    });
    const client = await connect();
    await client.request(GET);
    expect((await warned).message).toMatch(/^checkout for request [0-9a-f-]{36}: Error: boom/);
  });
});

it.each([
  ['an object without a prototype', Object.create(null), '[Object: null prototype] {}'],
  ['a symbol', Symbol('boom'), 'Symbol(boom)'],
  ['text', 'boom', 'boom'],
])('what is thrown may be %s', async (_what, thrown, told) => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  const { port } = await bare({
    checkout: () => {
      throw thrown;
    },
  });
  expect((await (await RawClient.connect(port)).request(GET)).body).toContain('H99');
  expect((await warned).message).toMatch(/^checkout for request [0-9a-f-]{36}: /);
  expect((await warned).message.split(': ').slice(1).join(': ')).toBe(told);
});

const never = () => new Promise<never>(() => {});

describe('a callback that never answers', () => {
  const ENDS: Readonly<Record<Callback, string>> = {
    init: 'internal_error',
    lookupDomain: 'internal_error',
    checkout: 'queue_timeout',
    backendOf: 'queue_timeout',
    additionalHeaders: 'internal_error',
  };

  it.each(CALLBACKS)('is waited for so long and no longer: %s', async (callback) => {
    const backend = await backendThat(() => ok());
    const { calls, connect, yard } = await scene({
      decisionMs: 50,
      decisions: { checkout: () => local(backend.port), [callback]: never },
    });
    const client = await connect();
    expect((await client.request(GET)).status).toBe(503);
    await eventually(() => calls.at(-1) === `finished ${ENDS[callback]}`, 'the end');
    const checkins = CHECKINS[callback].map((call) => call.replace('internal_error', ENDS[callback]));
    expect(calls.filter((call) => call.startsWith('checkin'))).toEqual(checkins);
    await eventually(() => yard.metrics().totals['inFlight'] === 0, 'quiet');
  });

  it('leaves the page to the router: errorPage', async () => {
    const { calls, connect } = await scene({
      decisionMs: 50,
      decisions: { checkout: () => undefined, errorPage: never },
    });
    const client = await connect();
    // Who sends on does not make it wait for ever.
    client.send(post('12345'));
    expect((await client.response()).body).toContain('H14');
    expect(calls.at(-1)).toBe('finished no_backends');
  });

  it('is one thing; that each takes its time is another', async () => {
    const backend = await backendThat(() => ok());
    const slowly = async <T>(answer: T): Promise<T> => {
      await pause(300);
      return answer;
    };
    const { connect } = await scene({
      decisionMs: 500,
      decisions: {
        init: () => slowly(undefined),
        lookupDomain: (domain) => slowly({ domain }),
        feature: () => slowly('enabled' as const),
        checkout: () => slowly(local(backend.port)),
        additionalHeaders: () => slowly({}),
      },
    });
    const client = await connect();
    client.send('POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx');
    expect((await client.response()).status).toBe(200);
  });

  it('is too late afterwards', async () => {
    const backend = await backendThat(() => ok());
    const late = Promise.withResolvers<void>();
    const { calls, connect } = await scene({
      decisionMs: 30,
      decisions: {
        lookupDomain: async (host) => {
          await late.promise;
          return { domain: host };
        },
        checkout: () => local(backend.port),
      },
    });
    const client = await connect();
    expect((await client.request(GET)).status).toBe(503);
    late.resolve();
    await pause(50);
    expect(calls).toEqual([
      'init',
      'lookupDomain app.test',
      'errorPage internal_error undefined',
      'finished internal_error',
    ]);
    expect(backend.requests.length).toBe(0);
  });

  it('of checkin holds up no answer', async () => {
    const backend = await backendThat(() => ok());
    const { connect } = await scene({
      decisions: { checkout: () => local(backend.port), checkin: never },
    });
    const client = await connect();
    expect((await client.request(GET)).status).toBe(200);
    expect((await client.request(GET)).status).toBe(200);
  });
});

it('a checkin that takes its time is waited for by the next checkout of its request', async () => {
  const backend = await backendThat(() => ok());
  const dead = await deadPort();
  let free: () => void = () => {};
  const { calls, connect } = await scene({
    decisions: {
      checkout: (_domain, _request, attempt) => local(attempt === 1 ? dead : backend.port),
      checkin: () =>
        new Promise<void>((resolve) => {
          free = resolve;
        }),
    },
  });
  const client = await connect();
  client.send(GET);
  await eventually(() => calls.includes('checkin connecting connect_refused'), 'the checkin');
  await pause(20);
  expect(calls).not.toContain('checkout 2');
  free();
  expect((await client.response()).status).toBe(200);
});

describe('a client that leaves', () => {
  it('during an asynchronous checkout: what comes is checked in exactly once', async () => {
    const backend = await backendThat(() => ok());
    let give: (service: string) => void = () => {};
    const { calls, connect, yard } = await scene({
      decisions: {
        checkout: () =>
          new Promise<string>((resolve) => {
            give = resolve;
          }),
      },
    });
    const client = await connect();
    client.send(GET);
    await eventually(() => calls.includes('checkout 1'), 'the checkout');
    client.close();
    await eventually(() => calls.includes('finished client_closed'), 'the end');
    expect(calls.filter((call) => call.startsWith('checkin'))).toEqual([]);
    give(local(backend.port));
    await eventually(() => calls.some((call) => call.startsWith('checkin')), 'the checkin');
    await pause(20);
    expect(calls.filter((call) => call.startsWith('checkin'))).toEqual(['checkin checkout client_closed']);
    expect(calls).not.toContain('backendOf');
    expect(backend.connections.length).toBe(0);
    expect(yard.metrics().totals).toMatchObject({ checkouts: 0, checkins: 0, inFlight: 0, connections: 0 });
  });

  it('during an asynchronous backendOf: the service is checked in at once, exactly once', async () => {
    const backend = await backendThat(() => ok());
    let give: (address: string) => void = () => {};
    const { calls, connect } = await scene({
      decisions: {
        checkout: () => 'service',
        backendOf: () =>
          new Promise<string>((resolve) => {
            give = resolve;
          }),
      },
    });
    const client = await connect();
    client.send(GET);
    await eventually(() => calls.includes('backendOf'), 'the question');
    client.close();
    await eventually(() => calls.includes('finished client_closed'), 'the end');
    expect(calls.at(-2)).toBe('checkin checkout client_closed');
    give(local(backend.port));
    await pause(20);
    expect(calls.filter((call) => call.startsWith('checkin')).length).toBe(1);
    expect(backend.connections.length).toBe(0);
  });

  it('during asynchronous additional headers: the service is checked in when its connection is closed', async () => {
    const backend = await backendThat();
    let give: () => void = () => {};
    const { calls, connect } = await scene({
      decisions: {
        checkout: () => local(backend.port),
        additionalHeaders: () =>
          new Promise<undefined>((resolve) => {
            give = () => resolve(undefined);
          }),
      },
    });
    const client = await connect();
    client.send(GET);
    await eventually(() => calls.includes('additionalHeaders upstream'), 'the question');
    client.close();
    const connection = await backend.accept();
    await connection.ends();
    connection.close();
    await eventually(() => calls.includes('finished client_closed'), 'the end');
    give();
    await pause(20);
    expect(calls.slice(-2)).toEqual(['checkin connected client_closed', 'finished client_closed']);
    expect(connection.total).toBe('');
  });

  it('during a lookup is told to those who listen to its signal', async () => {
    const reasons: boolean[] = [];
    const { calls, connect } = await scene({
      decisions: {
        lookupDomain: (_host, { signal }) =>
          new Promise<undefined>((resolve) => {
            signal.addEventListener('abort', () => {
              reasons.push(signal.aborted);
              resolve(undefined);
            });
          }),
        checkout: () => undefined,
      },
    });
    const client = await connect();
    client.send(GET);
    await eventually(() => calls.length === 2, 'the lookup');
    client.close();
    await eventually(() => reasons.length === 1, 'the signal');
    expect(calls.filter((call) => call.startsWith('checkout'))).toEqual([]);
  });

  it('during the response: the service is checked in once, with that reason', async () => {
    const backend = await backendThat((_request, connection) => {
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun');
      return undefined;
    });
    const { calls, connect } = await scene({ decisions: { checkout: () => local(backend.port) } });
    const client = await connect();
    client.send(GET);
    await client.receives('begun');
    client.close();
    await eventually(() => calls.at(-1) === 'finished client_closed', 'the end');
    expect(calls.filter((call) => call.startsWith('checkin'))).toEqual(['checkin connected client_closed']);
  });
});

/** What is done `meanwhile` takes place while headers are thought about the next time. */
async function thoughtful(port: number) {
  let wait = async () => {};
  const additionalHeaders = async () => {
    await wait();
    return undefined;
  };
  const { calls, connect } = await scene({ decisions: { checkout: () => local(port), additionalHeaders } });
  const meanwhile = (work: () => Promise<void>) => {
    wait = async () => {
      wait = async () => {};
      await work();
    };
  };
  return { calls, connect, meanwhile };
}

describe('a connection that stands while the headers are still being thought about', () => {
  it('and is closed by its backend meanwhile: a request on a reused one goes over another', async () => {
    const backend = await backendThat(() => ok());
    const { calls, connect, meanwhile } = await thoughtful(backend.port);
    const client = await connect();
    expect((await client.request(GET)).status).toBe(200);
    meanwhile(async () => {
      backend.connections[0]?.close();
      await pause(50);
    });
    expect((await client.request(post('once'))).status).toBe(200);
    expect(backend.connections.length).toBe(2);
    expect(backend.requests.map((request) => request.body)).toEqual(['', 'once']);
    expect(calls.filter((call) => call === 'additionalHeaders upstream').length).toBe(2);
    expect(calls.filter((call) => call.startsWith('checkin')).length).toBe(2);
  });

  it('and is closed by its backend meanwhile: it was left idle for all that time', async () => {
    const backend = await backendThat(() => ok());
    const { connect, meanwhile } = await thoughtful(backend.port);
    const client = await connect();
    await client.request(GET);
    meanwhile(async () => {
      await pause(1000);
      backend.connections[0]?.close();
      await pause(50);
    });
    for (const body of ['over another', 'over that one']) await client.request(post(body));
    expect(backend.connections.length).toBe(2);
  });

  it('and is answered on before anything was asked: those bytes are nobody’s response', async () => {
    const backend = await backendThat(() => ok('mine'));
    const { connect, meanwhile } = await thoughtful(backend.port);
    const client = await connect();
    expect((await client.request(GET)).body).toBe('mine');
    meanwhile(async () => {
      backend.connections[0]?.send(ok('poison'));
      await pause(50);
    });
    expect((await client.request(GET)).body).toBe('mine');
    expect(backend.connections.length).toBe(2);
  });
});

it('a body that goes on while its page is made gives back no service before its time', async () => {
  const backend = await backendThat();
  const page = Promise.withResolvers<undefined>();
  const { calls, connect } = await scene({
    decisions: { checkout: () => local(backend.port), errorPage: () => page.promise },
    timeouts: { abortLingerMs: 5000 },
  });
  const client = await connect();
  client.send(post('12345').slice(0, -3));
  const connection = await backend.accept();
  await connection.receives('12');
  connection.send('nonsense\r\n\r\n');
  await connection.ends();
  client.send('34');
  await pause(50);
  expect(calls.filter((call) => call.startsWith('checkin'))).toEqual([]);
  connection.end();
  await eventually(() => calls.at(-1) === 'checkin connected response_invalid', 'the service given back');
  page.resolve(undefined);
  expect((await client.response()).body).toContain('H17');
});
