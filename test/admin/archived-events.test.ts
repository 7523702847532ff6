/** Events of a log whose beginning is archived, before they are asked for or while they are read. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LocalLog, openSqliteLog, type StreamName } from '../../eventlog/index.ts';
import { type Follow, streamEvents } from '../../src/admin/calls/event-stream.ts';
import { archiveBefore } from '../history/archived.ts';
import { type Past, withPools } from '../history/past.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';
import { type Scene, scene } from './scene.ts';

// More than a page of 256.
const EVENTS = 400;

let directory: TempDirectory;
let data: string;
let log: LocalLog;
let past: Past;
let s: Scene;

beforeEach(async () => {
  directory = await tempDirectory();
  data = join(directory.path, 'data');
  log = openSqliteLog({ directory: data, now: Date.now });
  past = await log.together(() => withPools(log, EVENTS));
  s = await scene({}, log);
});
afterEach(async () => {
  await s[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

function get(query: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`http://${s.address}/v1/events${query}`, { headers });
}

async function answerTo(query: string) {
  const response = await get(query);
  const lines = (await response.text()).split('\n').filter(Boolean);
  return {
    archived: response.headers.get('switchyard-archived'),
    positions: lines.map((line) => JSON.parse(line).position),
  };
}

type Line = { readonly type: string; readonly from?: number; readonly position: number };

/** What is written to whoever takes it, with something that happens after the first piece. */
async function poured(
  wish: Partial<Follow>,
  after: () => Promise<unknown>,
  enough = Infinity,
): Promise<Line[]> {
  const lines: Line[] = [];
  const abort = new AbortController();
  let pieces = 0;
  const write = async (piece: string | Uint8Array) => {
    for (const line of String(piece).trim().split('\n')) lines.push(JSON.parse(line));
    pieces += 1;
    if (pieces === 1) await after();
    if (lines.length >= enough) abort.abort();
    return true;
  };
  const asked = { from: 1, to: EVENTS + 100, limit: 10_000, stream: undefined, follow: false, sse: false };
  await streamEvents(log, { ...asked, ...wish }, { write, signal: abort.signal });
  return lines;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

describe('of an archived beginning', () => {
  it('the head says so, to whoever asked for it', async () => {
    expect(await answerTo('?limit=2')).toEqual({ archived: null, positions: [1, 2] });
    await archiveBefore(log, data, 391);
    expect(await answerTo('')).toEqual({ archived: '390', positions: range(391, 400) });
    expect(await answerTo('?from=390&limit=1')).toEqual({ archived: '390', positions: [391] });
    expect(await answerTo('?from=391&limit=1')).toEqual({ archived: null, positions: [391] });
    expect(await answerTo('?from=3&to=5')).toEqual({ archived: '390', positions: [] });
    expect(await answerTo('?stream=pool-p3')).toEqual({ archived: '390', positions: [] });
    expect(await answerTo('?from=399&to=400&follow=true')).toEqual({ archived: null, positions: [399, 400] });
    expect(await answerTo('?to=391&follow=true')).toEqual({ archived: '390', positions: [391] });
    const head = await fetch(`http://${s.address}/v1/events`, { method: 'HEAD' });
    expect(head.headers.get('switchyard-archived')).toBe('390');
  });

  it('a search says so too', async () => {
    await archiveBefore(log, data, 391);
    expect(await answerTo('?grep=p39[01]')).toEqual({ archived: '390', positions: [391, 392] });
    expect(await answerTo('?grep=p39[01]&from=391')).toEqual({ archived: null, positions: [391, 392] });
    expect(await answerTo('?since=2&until=391')).toEqual({ archived: '390', positions: [391] });
    expect(await answerTo('?since=391&until=391')).toEqual({ archived: null, positions: [391] });
    expect(await answerTo('?reverse=true&limit=1')).toEqual({ archived: '390', positions: [400] });
  });

  it('a browser is told by an event, also when it comes back', async () => {
    await archiveBefore(log, data, 391);
    const sse = async (query: string, more = {}) =>
      (await get(query, { accept: 'text/event-stream', ...more })).text();
    const told = (from: number) =>
      `id: 390\nevent: EventsArchived\ndata: {"type":"EventsArchived","from":${from},"position":390}\n\nid: 391\n`;
    expect(await sse('')).toContain(`retry: 1000\n\n${told(1)}`);
    expect(await sse('', { 'last-event-id': '300' })).toContain(`retry: 1000\n\n${told(301)}`);
    expect(await sse('', { 'last-event-id': '390' })).not.toContain('EventsArchived');
    const ids = [...(await sse('?limit=1')).matchAll(/^id: (\d+)$/gm)].map(([, id]) => id);
    expect(ids).toEqual(['390', '391']);
  });
});

describe('where an archive takes what is yet to be read', () => {
  it('that is said in its place', async () => {
    const lines = await poured({}, () => archiveBefore(log, data, 301));
    expect(lines.map(({ position }) => position)).toEqual([...range(1, 256), 300, ...range(301, 400)]);
    expect(lines[256]).toEqual({ type: 'EventsArchived', from: 257, position: 300 });
  });

  it('also where it took all that there was', async () => {
    const lines = await poured({}, () => archiveBefore(log, data, 401));
    expect(lines.slice(256)).toEqual([{ type: 'EventsArchived', from: 257, position: 400 }]);
  });

  it('and it is not said of what was read before, or is left', async () => {
    const lines = await poured({}, () => archiveBefore(log, data, 257));
    expect(lines.map(({ position }) => position)).toEqual(range(1, 400));
  });

  it('a follower is told, and goes on', async () => {
    const happen = (name: string) =>
      past.happen([`pool-${name}`, { type: 'PoolCreated', data: { settings: {} } }]);
    const follow = { from: 399, to: Number.MAX_SAFE_INTEGER, follow: true };
    const seen = await poured(follow, () => archiveBefore(log, data, 401).then(() => happen('new')), 3);
    expect(seen.map(({ position }) => position)).toEqual([399, 400, 401]);
    const unseen = async () => {
      await happen('gone');
      await archiveBefore(log, data, 403);
      await happen('here');
    };
    const lines = await poured({ ...follow, from: 401 }, unseen, 3);
    expect(lines.map(({ type, from, position }) => [type, from, position])).toEqual([
      ['PoolCreated', undefined, 401],
      ['EventsArchived', 402, 402],
      ['PoolCreated', undefined, 403],
    ]);
  });

  it('of one stream too, if it was any of its events', async () => {
    const stream = 'pool-p0' as StreamName;
    const change = (index: number) =>
      [stream, { type: 'PoolChanged', data: { settings: { maxConcurrency: index + 2 } } }] as const;
    await past.happen(...range(401, 679).map(change));
    await past.happen(...range(680, 700).map(change));
    const lines = await poured({ stream, to: 1000 }, () => archiveBefore(log, data, 680));
    expect(lines.map(({ position }) => position)).toEqual([1, ...range(401, 655), 679, ...range(680, 700)]);
    expect(lines[256]).toEqual({ type: 'EventsArchived', from: 656, position: 679 });
    const none = 'pool-none' as StreamName;
    expect(await poured({ stream: none }, async () => {})).toEqual([]);
  });
});
