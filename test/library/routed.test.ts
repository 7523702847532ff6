import { describe, expect, it } from 'vitest';
import { CommandRefused, createSwitchyard, InvalidOptions, type RoutedOptions } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { RawClient } from '../support/raw-client.ts';
import { backendThat, closing, deadPort, GET } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { local, portOf } from './scene.ts';

async function routed(options: RoutedOptions = {}) {
  const yard = closing(createSwitchyard({ listeners: [{ address: '127.0.0.1:0' }], ...options }));
  const port = portOf(await yard.listen());
  return { yard, port, connect: () => RawClient.connect(port) };
}

function pools(...ports: readonly number[]) {
  return {
    web: {
      backends: Object.fromEntries(ports.map((port, at) => [`web.${at + 1}`, { address: local(port) }])),
    },
  };
}

/** Each with a backend: so many are not removed at once without being asked for. */
function twelve() {
  return Array.from({ length: 12 }, (_, at) => [
    `pool-${at}`,
    { backends: { a: { address: local(9000 + at) } } },
  ]);
}

describe('the real router inside a program', () => {
  it('routes what it is given from the start', async () => {
    const backend = await backendThat(() => ok('hello'));
    const { connect, yard } = await routed({
      pools: pools(backend.port),
      domains: { 'app.test': { pool: 'web' } },
    });
    const client = await connect();
    expect(await client.request(GET)).toMatchObject({ status: 200, body: 'hello' });
    expect((await client.request('GET / HTTP/1.1\r\nHost: other.test\r\n\r\n')).status).toBe(404);
    expect(yard.metrics().totals).toMatchObject({ requests: 2, checkouts: 1, checkins: 1 });
  });

  it('knows routes, whose pools are plain names', async () => {
    const [one, two] = [await backendThat(() => ok('one')), await backendThat(() => ok('two'))];
    const { connect } = await routed({
      pools: {
        web: { backends: { 'web.1': { address: local(one.port) } } },
        api: { backends: { 'api.1': { address: local(two.port) } } },
      },
      domains: { 'app.test': { pool: 'web', routes: [{ match: { methods: ['POST'] }, pool: 'api' }] } },
    });
    const client = await connect();
    expect((await client.request(GET)).body).toBe('one');
    expect((await client.request(GET.replace('GET', 'POST'))).body).toBe('two');
  });

  it('follows its desk from the next request on', async () => {
    const one = await backendThat(() => ok('one'));
    const two = await backendThat(() => ok('two'));
    const { connect, yard } = await routed();
    const client = await connect();
    expect((await client.request(GET)).status).toBe(404);

    const made = await yard.desk.putPool('web', { backends: { 'web.1': { address: local(one.port) } } });
    expect(made).toMatchObject({ created: true, version: 2, changed: 1 });
    await yard.desk.putDomain('app.test', { pool: 'web' });
    expect((await client.request(GET)).body).toBe('one');

    await yard.desk.putBackend('web', 'web.2', { address: local(two.port) });
    await yard.desk.drainBackend('web', 'web.1', 1000);
    expect((await client.request(GET)).body).toBe('two');

    await yard.desk.removeBackend('web', 'web.1');
    expect(await yard.desk.routing()).toEqual({
      pools: { web: { backends: { 'web.2': { address: local(two.port) } } } },
      domains: { 'app.test': { pool: 'web' } },
    });
    await yard.desk.removeDomain('app.test');
    expect((await client.request(GET)).status).toBe(404);
    await yard.desk.removePool('web');
    expect(await yard.desk.routing()).toEqual({ pools: {}, domains: {} });
  });

  it.each([
    ['idle', 'gone with its backend'],
    ['idle', 'gone with its pool'],
    ['idle', 'where it was before it moved'],
    ['busy', 'gone with its backend'],
    ['busy', 'gone with its pool'],
    ['busy', 'where it was before it moved'],
  ])('keeps no connection that was %s, and is %s', async (state, how) => {
    const gate = Promise.withResolvers<void>();
    const backend = await backendThat(async () => {
      if (state === 'busy') await gate.promise;
      return ok();
    });
    const { connect, yard } = await routed({
      pools: pools(backend.port),
      domains: { 'app.test': { pool: 'web' } },
    });
    const answer = (await connect()).request(GET);
    await eventually(() => backend.requests.length === 1, 'the request to be there');
    if (state === 'idle') await answer;
    const { desk } = yard;
    if (how === 'where it was before it moved') await desk.putBackend('web', 'web.1', { address: local(1) });
    else if (how === 'gone with its backend') await desk.removeBackend('web', 'web.1');
    else {
      await desk.removeDomain('app.test');
      await desk.removePool('web');
    }
    gate.resolve();
    expect((await answer).status).toBe(200);
    await eventually(() => backend.open === 0, 'none open', 3000);
  });

  it('is made equal to a whole in one step', async () => {
    const backend = await backendThat(() => ok('applied'));
    const { connect, yard } = await routed();
    const events: string[] = [];
    const stop = yard.onEvents((happened) => void events.push(...happened.map((event) => event.type)));
    const wished = { pools: pools(backend.port), domains: { 'app.test': { pool: 'web' } } };
    expect(await yard.desk.apply(wished)).toMatchObject({ changed: 2 });
    expect(await yard.desk.apply(wished)).toMatchObject({ changed: 0 });
    const client = await connect();
    expect((await client.request(GET)).body).toBe('applied');
    expect(events.sort()).toEqual(['BackendAdded', 'DomainCreated', 'PoolCreated']);
    stop();
  });

  it('tells its events from any position on, as they are and as they come, and that there are no more', async () => {
    const { yard } = await routed({ pools: pools(1), domains: { 'app.test': { pool: 'web' } } });
    const seen: string[] = [];
    const note = ({ position, type }: { position: number; type: string }) =>
      void seen.push(`${position} ${type}`);
    const ended: string[] = [];
    yard.events().subscribe({ next: note, complete: () => ended.push('all') });
    const late: number[] = [];
    const stopped = yard.events(3).subscribe({ next: ({ position }) => late.push(position) });
    await eventually(() => seen.length === 3 && late.length === 1, 'those of the start');
    await yard.desk.putDomain('b.test', { pool: 'web' });
    stopped.unsubscribe();
    await yard.desk.removeDomain('b.test');
    expect(seen.slice(-2)).toEqual(['4 DomainCreated', '5 DomainRemoved']);
    expect(late).toEqual([3, 4]);
    expect(ended).toEqual([]);
    await yard.close();
    expect(ended).toEqual(['all']);
    const after = await new Promise((resolve) =>
      yard.events().subscribe({ complete: () => resolve('none') }),
    );
    expect(after).toBe('none');
  });

  it('does as was decided where a listener alters the events that it is told of', async () => {
    const backend = await backendThat(() => ok('hello'));
    const reports: unknown[] = [];
    const { yard, connect } = await routed({ report: ({ error }) => reports.push(error) });
    const alter = (event: { type: string; data?: unknown }) => {
      event.type = 'DomainRemoved';
      delete event.data;
    };
    yard.events().subscribe(alter);
    yard.onEvents((events) => events.forEach(alter));
    const seen: string[] = [];
    yard.onEvents((events) => void seen.push(...events.map(({ type }) => type)));
    await yard.desk.apply({ pools: pools(backend.port), domains: { 'app.test': { pool: 'web' } } });
    expect(await (await connect()).request(GET)).toMatchObject({ status: 200, body: 'hello' });
    expect(seen).toEqual(['PoolCreated', 'BackendAdded', 'DomainCreated']);
    expect(reports).toEqual([]);
  });

  it('refuses what cannot be, with its reason, and changes nothing', async () => {
    const { yard } = await routed({ pools: pools(1), domains: { 'app.test': { pool: 'web' } } });
    await expect(yard.desk.removePool('web')).rejects.toMatchObject({
      name: 'CommandRefused',
      code: 'pool_in_use',
    });
    await expect(yard.desk.putDomain('b.test', { pool: 'none' })).rejects.toBeInstanceOf(CommandRefused);
    await expect(yard.desk.putPool('web', {}, { ifVersion: 9 })).rejects.toMatchObject({
      code: 'version_mismatch',
    });
    await expect(yard.desk.putPool('web', { polcy: 'random' } as object)).rejects.toThrow(
      /polcy.*did you mean "policy"/s,
    );
    await expect(yard.desk.putDomain('not a host', { pool: 'web' })).rejects.toThrow(InvalidOptions);
    expect(Object.keys((await yard.desk.routing()).domains)).toEqual(['app.test']);
  });

  it('refuses what only plain JavaScript can say, and changes nothing', async () => {
    const { yard } = await routed({ pools: pools(1), domains: { 'app.test': { pool: 'web' } } });
    const desk = yard.desk as unknown as Record<string, (...words: unknown[]) => Promise<unknown>>;
    const wishes: readonly [string, string, ...unknown[]][] = [
      ['host: expected a name, found null', 'putDomain', null, { pool: 'web' }],
      ['condition.ifversion: expected one of', 'putPool', 'web', {}, { ifversion: 9 }],
      ['condition.ifVersion: expected a whole number', 'putPool', 'web', {}, { ifVersion: '1' }],
      ['condition: expected an object, found null', 'putPool', 'web', {}, null],
      ['author: expected text', 'putPool', 'web', {}, { author: 5 }],
      ['withinMs: expected whole milliseconds', 'drainBackend', 'web', 'web.1', -1],
      ['by.ifVersion: expected one of', 'drainBackend', 'web', 'web.1', 1, { ifVersion: 9 }],
      ['expected pools and domains, found neither', 'apply', {}],
      ['expected pools and domains, found neither', 'apply', { pools: undefined, domains: undefined }],
      ['by.allowRemovals: expected a whole number', 'apply', { pools: {} }, { allowRemovals: 'all' }],
      ['by: expected an object, found null', 'apply', { pools: {} }, null],
      ['by: expected an object, found null', 'drainBackend', 'web', 'web.1', 1, null],
      ['by.dryRun: expected one of', 'apply', { pools: {} }, { dryRun: true }],
    ];
    for (const [problem, verb, ...words] of wishes) {
      const refused = desk[verb]?.(...words);
      await expect(refused, problem).rejects.toBeInstanceOf(InvalidOptions);
      await expect(refused).rejects.toThrow(problem);
    }
    expect(() => yard.onEvents('each' as never)).toThrow('listener: expected a function, found "each"');
    expect(() => yard.events('x' as never)).toThrow('from: expected a whole number from 1, found "x"');
    expect(Object.keys((await yard.desk.routing()).pools)).toEqual(['web']);
  });

  it('will not be its own backend', async () => {
    const { port, yard } = await routed();
    const wish = { backends: { me: { address: local(port) } } };
    await expect(yard.desk.putPool('loop', wish)).rejects.toBeInstanceOf(InvalidOptions);
  });

  it('quarantines a backend that refuses, and records it', async () => {
    const backend = await backendThat(() => ok('alive'));
    const { connect, yard } = await routed({
      pools: pools(await deadPort(), backend.port),
      domains: { 'app.test': { pool: 'web' } },
    });
    const events: string[] = [];
    yard.onEvents((happened) => void events.push(...happened.map((event) => event.type)));
    const client = await connect();
    // Either of two idle backends may be drawn: 40 draws that never meet the dead one do not happen.
    for (let i = 0; i < 40; i++) expect((await client.request(GET)).body).toBe('alive');
    expect(yard.metrics().totals['connectFailures']).toBe(1);
    await eventually(() => events.includes('BackendQuarantined'), 'the event');
  });

  it('remembers in a directory, and follows the options again only when told to', async () => {
    await using directory = await tempDirectory();
    const backend = await backendThat(() => ok('kept'));
    const options = { data: `${directory.path}/log`, listeners: [{ address: '127.0.0.1:0' }] };
    const first = createSwitchyard({ ...options, pools: pools(1), domains: { 'app.test': { pool: 'web' } } });
    await first.listen();
    await first.desk.putBackend('web', 'web.1', { address: local(backend.port) });
    await first.drain(1000);

    const second = createSwitchyard({ ...options, pools: {}, domains: {} });
    const client = await RawClient.connect(portOf(await second.listen()));
    expect((await client.request(GET)).body).toBe('kept');
    client.close();
    await second.close();

    const third = createSwitchyard({
      ...options,
      pools: pools(1, 2),
      domains: { 'app.test': { pool: 'web' } },
      apply: true,
    });
    await third.listen();
    expect(Object.keys((await third.desk.routing()).pools['web']?.backends ?? {})).toEqual([
      'web.1',
      'web.2',
    ]);
    await third.close();
  });

  it('may stand beside others in one process', async () => {
    const one = await backendThat(() => ok('one'));
    const two = await backendThat(() => ok('two'));
    const domains = { 'app.test': { pool: 'web' } };
    const a = await routed({ pools: pools(one.port), domains });
    const b = await routed({ pools: pools(two.port), domains });
    expect((await (await a.connect()).request(GET)).body).toBe('one');
    expect((await (await b.connect()).request(GET)).body).toBe('two');
  });

  it('ends with its requests finished, and leaves its port free', async () => {
    let finish: () => void = () => {};
    const backend = await backendThat(
      () =>
        new Promise((resolve) => {
          finish = () => resolve(ok('finished'));
        }),
    );
    const { connect, port, yard } = await routed({
      pools: pools(backend.port),
      domains: { 'app.test': { pool: 'web' } },
    });
    const client = await connect();
    client.send(GET);
    await eventually(() => backend.requests.length === 1, 'the request');
    const drained = yard.drain(5000);
    await expect(RawClient.connect(port).then((other) => other.request(GET))).rejects.toThrow();
    finish();
    expect((await client.response()).body).toBe('finished');
    await drained;
    const again = await routed({ listeners: [{ address: `127.0.0.1:${port}` }] });
    expect(again.port).toBe(port);
  });

  it('that cannot listen says why, and leaves nothing behind', async () => {
    const { port } = await routed();
    const second = createSwitchyard({ listeners: [{ address: `127.0.0.1:${port}` }] });
    await expect(second.listen()).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: `listen EADDRINUSE: address already in use 127.0.0.1:${port}`,
    });
    await second.close();
  });

  it('whose directory is in use says by whom, and gets it afterwards', async () => {
    await using directory = await tempDirectory();
    const data = directory.path;
    const { yard } = await routed({ data });
    const listeners = [{ address: '127.0.0.1:0' }];
    const second = createSwitchyard({ listeners, data });
    await expect(second.listen()).rejects.toMatchObject({
      code: 'data_held',
      message: expect.stringContaining(`found it held by process ${process.pid}`),
    });
    await second.close();
    await yard.close();
    await routed({ data });
  });

  it('that may not apply its options says why', async () => {
    await using directory = await tempDirectory();
    const data = directory.path;
    const { yard } = await routed({ data, pools: Object.fromEntries(twelve()) });
    await yard.close();
    const listeners = [{ address: '127.0.0.1:0' }];
    const second = closing(createSwitchyard({ listeners, data, pools: {}, apply: true }));
    const listening = second.listen();
    await expect(listening).rejects.toBeInstanceOf(CommandRefused);
    await expect(listening).rejects.toMatchObject({ code: 'too_many_removals' });
  });

  it('has no desk before it listens', async () => {
    const yard = createSwitchyard({});
    await expect(yard.desk.putPool('web', {})).rejects.toThrow('expected a router that listens');
    await yard.close();
  });
});

describe('options', () => {
  it.each([
    ['an unknown key', { poools: {} }, 'poools'],
    ['a listener without a port', { listeners: [{ address: 'here' }] }, 'listeners[0].address'],
    ['a misspelt listener', { listeners: [{ adress: '127.0.0.1:0' }] }, 'did you mean "address"'],
    ['two ways at once', { decisions: { checkout() {} }, pools: {} }, 'that go with decisions: listeners'],
    ['data beside decisions', { decisions: { checkout() {} }, data: './log' }, 'data: expected one of'],
    ['patience beside pools', { pools: {}, decisionMs: 5 }, 'that go with pools and domains: listeners'],
    ['decisions that are none', { decisions: 5 }, 'decisions: expected an object of callbacks, found 5'],
    [
      'a callback that is none',
      { decisions: { checkout() {}, init: 'x' } },
      'decisions.init: expected a function',
    ],
    ['nothing but a list', [], 'expected options, found an empty list'],
    ['a misspelt key', { listener: [] }, 'found an unknown key; did you mean "listeners"?'],
    [
      'a misspelt callback',
      { decisions: { checkout() {}, lookUpDomain() {} } },
      'found an unknown key; did you mean "lookupDomain"?',
    ],
    [
      'a callback of vegur’s',
      { decisions: { checkout() {}, terminate() {} } },
      'decisions.terminate: expected',
    ],
    [
      'retries that are none',
      { decisions: { checkout() {} }, retries: 5 },
      'retries: expected an object, found 5',
    ],
    ['a patience of null', { decisions: { checkout() {} }, decisionMs: null }, 'decisionMs: expected'],
    [
      'a key more for retries',
      { decisions: { checkout() {} }, retries: { idempotent: true } },
      'retries.idempotent',
    ],
    ['a header that is the router’s', { decisions: { checkout() {} }, connectTime: 'Host' }, 'connectTime'],
    ['a log in no format', { accessLog: 'xml' }, 'accessLog'],
    ['a log to nobody', { writeLog: 'file' }, 'writeLog: expected a function, found "file"'],
    ['a report to nobody', { report: true }, 'report: expected a function, found true'],
    ['an apply that is neither', { apply: 'yes' }, 'apply: expected a boolean, found "yes"'],
    ['decisions without a checkout', { decisions: {} }, 'decisions.checkout'],
    ['no attempts', { decisions: { checkout() {} }, retries: { attempts: 0 } }, 'retries.attempts'],
    ['no patience', { decisions: { checkout() {} }, decisionMs: 0 }, 'decisionMs'],
    ['a header that is none', { decisions: { checkout() {} }, connectTime: 'a b' }, 'connectTime'],
    [
      'a time-out that is none',
      { decisions: { checkout() {} }, timeouts: { connectMs: -1 } },
      'timeouts.connectMs',
    ],
    ['an unknown pool', { domains: { 'a.test': { pool: 'b' } } }, 'domains["a.test"].pool'],
  ])('with %s are refused, naming the place', (_what, options, place) => {
    expect(() => createSwitchyard(options as RoutedOptions)).toThrow(InvalidOptions);
    expect(() => createSwitchyard(options as RoutedOptions)).toThrow(place);
  });
});
