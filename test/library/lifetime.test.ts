/** The ends of a router in a program: closed twice, closed too early, used afterwards, asked for nonsense. */
import { describe, expect, it } from 'vitest';
import { createSwitchyard, InvalidOptions, type ReportedProblem, type Switchyard } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { RawClient } from '../support/raw-client.ts';
import { backendThat, closing, GET } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { bare, local, portOf } from './scene.ts';

const listeners = [{ address: '127.0.0.1:0' }];
const KINDS: readonly (readonly [string, () => Switchyard])[] = [
  ['of decisions', () => createSwitchyard({ listeners, decisions: { checkout: () => undefined } })],
  ['of pools and domains', () => createSwitchyard({ listeners })],
];

describe.each(KINDS)('a router %s', (_kind, make) => {
  it('that has not listened counts as any other does: nothing', async () => {
    const yard = closing(make());
    const { totals } = yard.metrics();
    expect(Object.values(totals).every((count) => count === 0)).toBe(true);
    await yard.listen();
    expect(Object.keys(yard.metrics().totals)).toEqual(Object.keys(totals));
  });

  it('that was closed stays closed, and says so', async () => {
    const yard = make();
    await yard.listen();
    await yard.close();
    await expect(yard.listen()).rejects.toThrow(
      'expected a router that has not been closed, found one that was',
    );
    await yard.close();
    await yard.drain(10);
    expect(yard.metrics().totals).toMatchObject({ inFlight: 0 });
  });

  it('that was closed before it listened never does', async () => {
    const yard = make();
    await yard.close();
    await expect(yard.listen()).rejects.toThrow('has not been closed');
  });

  it('that is closed while it begins to listen is closed afterwards', async () => {
    const yard = make();
    const listening = yard.listen();
    await Promise.all([yard.close(), yard.close()]);
    const port = portOf(await listening);
    await expect(RawClient.connect(port).then((client) => client.request(GET))).rejects.toThrow();
  });

  it.each([undefined, Number.NaN, -1, Number.POSITIVE_INFINITY, '50', 86_400_001])(
    'drains for no %s milliseconds, and goes on',
    async (withinMs) => {
      const yard = closing(make());
      const port = portOf(await yard.listen());
      const drained = yard.drain(withinMs as number);
      await expect(drained).rejects.toBeInstanceOf(InvalidOptions);
      await expect(drained).rejects.toThrow('withinMs: expected whole milliseconds from 0 to 86400000');
      expect((await (await RawClient.connect(port)).request(GET)).status).toBeGreaterThanOrEqual(404);
    },
  );
});

it('a desk answers until the router is closed, and then says that it is', async () => {
  const yard = createSwitchyard({ listeners });
  await yard.listen();
  const last = yard.desk.putPool('web', {});
  await yard.close();
  // It may have come in time or not; somebody is told.
  await last.catch(() => {});
  const closed = 'expected a router that listens, found one that was closed';
  await expect(yard.desk.routing()).rejects.toThrow(closed);
  await expect(yard.desk.putPool('web', {})).rejects.toThrow(closed);
  expect(() => yard.onEvents(() => {})).toThrow(closed);
});

const boom = () => {
  throw new Error('boom');
};

describe.each([
  ['at once', boom],
  ['later', async () => boom()],
])('a function of the program that fails %s', (_when, boom) => {
  it('costs its request no answer: report', async () => {
    const warnings: string[] = [];
    const note = (warning: Error) => void warnings.push(warning.message.split('\n')[0] ?? '');
    process.on('warning', note);
    const { port } = await bare({ checkout: boom }, { report: boom });
    const response = await (await RawClient.connect(port)).request(GET);
    expect(response.status).toBe(503);
    await eventually(() => warnings.length === 2, 'two warnings');
    process.off('warning', note);
    expect(warnings[0]).toMatch(/^checkout for request \S+: Error: boom$/);
    expect(warnings[1]).toMatch(/^report for request \S+: Error: boom$/);
  });

  it('is reported, and keeps nothing from its end: writeLog', async () => {
    const reports: ReportedProblem[] = [];
    const backend = await backendThat(() => ok());
    const { port, yard } = await bare(
      { checkout: () => local(backend.port) },
      { accessLog: 'logfmt', writeLog: boom, report: (problem) => reports.push(problem) },
    );
    expect((await (await RawClient.connect(port)).request(GET)).status).toBe(200);
    await yard.close();
    await eventually(() => reports.length === 1, 'the report');
    expect(reports).toMatchObject([{ where: 'writeLog', error: { message: 'boom' } }]);
  });

  it('keeps its events from nobody else: onEvents', async () => {
    const reports: ReportedProblem[] = [];
    const yard = closing(createSwitchyard({ listeners, report: (problem) => reports.push(problem) }));
    await yard.listen();
    const seen: string[] = [];
    yard.onEvents(boom);
    yard.onEvents((events) => void seen.push(...events.map(({ type }) => type)));
    await yard.desk.putPool('web', {});
    await eventually(() => reports.length === 1, 'the report');
    expect(seen).toEqual(['PoolCreated']);
    expect(reports).toMatchObject([{ where: 'onEvents', error: { message: 'boom' } }]);
  });
});
