/** What the log holds, read through the command line: beside a running router, and from its directory. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { openSqliteLog } from '../../eventlog/index.ts';
import { type Scene, scene } from '../admin/scene.ts';
import { type Circumstances, command } from './command.ts';

let directory: string;
let stage: Scene;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'switchyard-cli-'));
  const log = openSqliteLog({ directory, now: () => Date.parse('2026-01-31T14:03:00Z') });
  stage = await scene({}, log);
  await stage.client.must('PUT', '/v1/pools/web', { backends: { 'web.1': { address: '127.0.0.1:9001' } } });
  await stage.client.must('PUT', '/v1/domains/example.com', { pool: 'web' });
  await stage.client.must('POST', '/v1/pools/web/backends/web.1/drain', { timeoutMs: 1000 });
});
afterEach(async () => {
  await stage[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const ways = ['--admin', '--data'] as const;
const run = (way: (typeof ways)[number], line: string, circumstances?: Circumstances) =>
  command([...line.split(' '), way, way === '--admin' ? stage.address : directory], circumstances);

describe.each(ways)('read with %s', (way) => {
  it('events are lines for people', async () => {
    const { code, out } = await run(way, 'events');
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      '1  2026-01-31T14:03:00.000Z  pool-web/1  PoolCreated  {"settings":{}}  by test',
      '2  2026-01-31T14:03:00.000Z  pool-web/2  BackendAdded  {"backend":{"address":"127.0.0.1:9001"},"id":"web.1"}  by test',
      '3  2026-01-31T14:03:00.000Z  domain-example.com/1  DomainCreated  {"settings":{"pool":"web"}}  by test',
      expect.stringMatching(/^4 {2}\S+ {2}pool-web\/3 {2}BackendDrainStarted {2}\{.*\} {2}by test$/),
      '',
    ]);
  });

  it('events are NDJSON for machines, from a position, of a stream, up to a number', async () => {
    const lines = async (line: string) =>
      (await run(way, `events --json ${line}`)).out
        .trimEnd()
        .split('\n')
        .map((text) => JSON.parse(text).position);
    expect(await lines('--from 3')).toEqual([3, 4]);
    expect(await lines('--from 2 --to 3')).toEqual([2, 3]);
    expect(await lines('--limit 1')).toEqual([1]);
    expect(await lines('--stream pool-web')).toEqual([1, 2, 4]);
    expect(await lines('--stream pool-web --from 3')).toEqual([4]);
  });

  it('the state is YAML that apply takes, with what passes in comments', async () => {
    const { code, out } = await run(way, 'state');
    expect(code).toBe(0);
    expect(out).toMatch(/^# position 4\npools:\n/);
    expect(out).toMatch(/\n# \{"pool":"web","backend":"web\.1","drainUntilMs":\d+\}\n$/);
    expect(parse(out)).toEqual({
      pools: { web: { backends: { 'web.1': { address: '127.0.0.1:9001', state: 'draining' } } } },
      domains: { 'example.com': { pool: 'web' } },
    });
    const file = join(directory, 'state.yaml');
    writeFileSync(file, out);
    const applied = await command(['apply', file, '--dry-run', '--admin', stage.address]);
    expect(applied).toMatchObject({ code: 0, out: 'no difference\n' });
  });

  it('the state at a past position is what it was', async () => {
    const { out } = await run(way, 'state --at 2 --json');
    expect(JSON.parse(out)).toMatchObject({ position: 2, domains: {} });
    expect(await run(way, 'state --at 99')).toMatchObject({ code: 1, err: expect.stringContaining('99') });
    expect(await run(way, 'state --at yesterday')).toMatchObject({ code: 2 });
  });

  it('lists and shows', async () => {
    expect((await run(way, 'domain list')).out).toContain('example.com  web');
    const inFlight = way === '--data' ? '-' : '0';
    expect((await run(way, 'backend list web')).out).toMatch(new RegExp(`draining .* ${inFlight} +3\\n`));
    expect((await run(way, 'pool show web')).out).toMatch(/^# pool web, version 3\n/);
    expect(await run(way, 'pool show none')).toEqual({ code: 1, out: '', err: 'switchyard: no pool none\n' });
  });
});

describe('what may take long', () => {
  it.each([
    ['diff 1', 'comparing the two moments'],
    ['rollback --to 2 --dry-run', 'looking for what differs'],
  ])('is shown on a terminal until there is an answer, for people alone: %s', async (line, words) => {
    const { code, err, out } = await run('--admin', line, { tty: true });
    expect({ code, err }).toEqual({ code: 0, err: `\r\x1b[K${words}\r\x1b[K` });
    expect(out).not.toBe('');
    for (const quiet of [await run('--admin', line), await run('--admin', `${line} --json`, { tty: true })])
      expect(quiet).toMatchObject({ code: 0, err: '' });
  });
});

it.each(ways)('how far a state is that goes to a file, a terminal shows: %s', async (way) => {
  const plain = await run(way, 'state');
  expect(await run(way, 'state', { tty: true })).toEqual(plain);
  const { err, ...seen } = await run(way, 'state', { tty: true, toFile: true });
  expect({ ...seen, err: '' }).toEqual(plain);
  expect(err).toBe('\r\x1b[K1 pools and domains\r\x1b[K');
});

describe('a directory at rest', () => {
  it('is verified, and a terminal sees that', async () => {
    const out = '4 events, all as written\n';
    expect(await run('--data', 'verify')).toEqual({ code: 0, out, err: '' });
    const seen = await run('--data', 'verify', { tty: true });
    expect(seen).toMatchObject({ code: 0, out, err: expect.stringContaining('checking the file') });
    expect(seen.err.endsWith('\r\x1b[K')).toBe(true);
  });

  it('is read after the router has gone', async () => {
    await stage.admin.close();
    await stage.log.close();
    expect((await run('--data', 'events --json')).out.trimEnd().split('\n')).toHaveLength(4);
    expect((await run('--data', 'state')).code).toBe(0);
  });

  it('is missing, foreign, or asked for what only a router can do', async () => {
    const nowhere = await command(['events', '--data', join(directory, 'none')]);
    expect(nowhere).toMatchObject({ code: 1, out: '' });
    expect(nowhere.err).toMatch(/^switchyard: expected a log at .*none/);
    expect(await run('--data', 'events --follow')).toMatchObject({ code: 2 });
    expect(await run('--data', 'pool set web')).toMatchObject({
      code: 2,
      err: expect.stringContaining('unknown flag --data'),
    });
    expect(await command(['events', '--data', directory, '--admin', stage.address])).toMatchObject({
      code: 2,
    });
  });
});

describe('events --follow', () => {
  it('goes on with what is recorded, until it is told to stop', async () => {
    const stop = new AbortController();
    const stdout = new PassThrough();
    const running = command(['events', '--from', '4', '--follow', '--json', '--admin', stage.address], {
      stop: stop.signal,
      stdout,
    });
    const seen: number[] = [];
    for await (const chunk of stdout) {
      for (const line of String(chunk).trimEnd().split('\n')) seen.push(JSON.parse(line).position);
      if (seen.length === 1) await stage.client.must('PUT', '/v1/domains/next.example', { pool: 'web' });
      if (seen.length === 2) break;
    }
    stop.abort();
    expect(seen).toEqual([4, 5]);
    expect((await running).code).toBe(0);
  });

  it('ends quietly when nobody reads any more', async () => {
    const stdout = new PassThrough();
    const running = command(['events', '--follow', '--admin', stage.address], { stdout });
    stdout.once('data', () => stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })));
    expect(await running).toMatchObject({ code: 0, err: '' });
  });
});
