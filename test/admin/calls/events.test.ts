import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  createMemoryLog,
  EventUnreadable,
  parseStreamName,
  type Recorded,
  type StreamName,
} from '../../../eventlog/index.ts';
import { streamEvents } from '../../../src/admin/calls/event-stream.ts';
import { pause } from '../../support/eventually.ts';
import { RawClient } from '../../support/raw-client.ts';
import { type Scene, scene, withWeb } from '../scene.ts';

type Line = { readonly position: number; readonly type: string; readonly stream: string };

async function ndjson(s: Scene, query = ''): Promise<Line[]> {
  const text = await (await fetch(`http://${s.address}/v1/events${query}`)).text();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** Reads a stream until enough has come, then hangs up. */
async function until(response: Response, enough: (text: string) => boolean): Promise<string> {
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (enough(text)) break;
  }
  return text;
}

function positions(text: string): number[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).position);
}

describe('events', () => {
  it('are lines of JSON, whole and in order', async () => {
    await using s = await withWeb();
    const response = await fetch(`http://${s.address}/v1/events`);
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    expect(positions(await response.text())).toEqual([1, 2, 3]);
    expect((await ndjson(s))[2]).toEqual((await s.log.read({ from: 3 }))[0]);
  });

  it('start and end where asked', async () => {
    await using s = await withWeb();
    const at = async (query: string) => (await ndjson(s, query)).map((line) => line.position);
    expect(await at('?from=2')).toEqual([2, 3]);
    expect(await at('?from=0')).toEqual([1, 2, 3]);
    expect(await at('?from=4')).toEqual([]);
    expect(await at('?from=2&to=2')).toEqual([2]);
    expect(await at('?limit=2')).toEqual([1, 2]);
    expect(await at('?to=0')).toEqual([]);
    expect(await at('?to=2&follow=true')).toEqual([1, 2]);
    expect(await at('?from=3&to=3&follow=true&stream=pool-web')).toEqual([]);
    expect(await at('?limit=3&follow=true')).toEqual([1, 2, 3]);
  });

  it('of one stream start at a position of the whole log', async () => {
    await using s = await scene();
    for (const name of ['a', 'b']) await s.client.must('PUT', `/v1/pools/${name}`, {});
    for (let n = 0; n < 20; n += 1) {
      await s.client.must('PUT', `/v1/pools/${n % 3 === 0 ? 'a' : 'b'}/backends/x${n}`, { address: 'h:1' });
    }
    const all = await ndjson(s);
    for (let from = 0; from <= 24; from += 1) {
      const wanted = all.filter((line) => line.stream === 'pool-a' && line.position >= from);
      expect(await ndjson(s, `?stream=pool-a&from=${from}`)).toEqual(wanted);
    }
    expect(await ndjson(s, '?stream=pool-none')).toEqual([]);
  });

  it.each(['stream=web', 'stream=pool-', 'stream=', 'from=x', 'from=-1', 'follow=yes', 'limit=0', 'form=1'])(
    'asked for with ?%s are refused',
    async (query) => {
      await using s = await scene();
      expect(await s.client.get(`/v1/events?${query}`)).toMatchObject({
        status: 400,
        body: { type: 'invalid_query' },
      });
    },
  );

  it.each(['abc', '-1', '5.5'])('after %s, which is no position, are refused', async (last) => {
    await using s = await scene();
    expect(await s.client.get('/v1/events', { headers: { 'last-event-id': last } })).toMatchObject({
      status: 400,
      body: { type: 'invalid_header', detail: `Last-Event-ID: expected a position, found "${last}"` },
    });
  });

  it('that cannot be read are named in their place, and hide no other', async () => {
    const log = createMemoryLog({ now: Date.now });
    const damaged = (events: readonly Recorded[]) => {
      const bad = events.find((event) => event.position === 2);
      if (bad !== undefined) throw new EventUnreadable(2, bad.stream, 'the hash differs');
      return events;
    };
    const half = Object.assign(Object.create(log) as typeof log, {
      position: () => log.position(),
      archived: () => log.archived(),
      version: (stream: StreamName) => log.version(stream),
      onAppended: log.onAppended.bind(log),
      read: async (options: object) => damaged(await log.read(options)),
      readStream: async (stream: StreamName, options: object) =>
        damaged(await log.readStream(stream, options)),
    });
    await using s = await scene({ log: half }, log);
    await s.client.must('PUT', '/v1/pools/a', {});
    await s.log.append(appendOf('pool-a', 1, 'b1'));
    await s.log.append(appendOf('pool-a', 2, 'b2'));
    for (const query of ['', '?stream=pool-a', '?from=2', '?stream=pool-a&from=2', '?stream=pool-a&from=3']) {
      const lines = await ndjson(s, query);
      const from = Number(/from=(\d)/.exec(query)?.[1] ?? 1);
      expect(lines.map((line) => line.position)).toEqual([1, 2, 3].slice(from - 1));
      const marked = lines.filter((line) => line.type === 'EventUnreadable');
      expect(marked).toHaveLength(from <= 2 ? 1 : 0);
    }
  });
});

function appendOf(stream: string, expected: number, id: string) {
  const parsed = parseStreamName(stream);
  if (!parsed.ok) throw new Error(parsed.problem);
  const event = { type: 'BackendAdded', data: { id, backend: { address: 'h:1' } } } as never;
  const write = { stream: parsed.value.stream, expected, events: [event], current: {} };
  return { commandId: `${stream}-${expected}`, digest: id, author: 'test', answer: null, writes: [write] };
}

describe('reading all there is', () => {
  it('leaves others their turn after each page, however quickly and by however many it is read', async () => {
    const log = createMemoryLog({ now: Date.now });
    const appends = Array.from({ length: 1500 }, (_, n) => appendOf('pool-a', n, `c${n}`));
    await Promise.all(appends.map((append) => log.append(append)));
    let turn = 0;
    let isOver = false;
    const others = () => {
      turn += 1;
      if (!isOver) setImmediate(others);
    };
    others();
    const pages: number[] = [];
    const outlet = {
      signal: new AbortController().signal,
      write: async () => pages.push(turn) > 0,
    };
    const wish = { from: 1, to: 1500, limit: 10_000, stream: undefined, follow: false, sse: false };
    const readers = [1, 2, 3].map(() => streamEvents(log, wish, outlet));
    await Promise.all(readers);
    isOver = true;
    expect(pages).toHaveLength(18);
    // Each has its first page at once.
    expect(new Set(pages).size).toBeGreaterThanOrEqual(16);
  });
});

describe('following', () => {
  it('goes on without a gap and without a repetition while others write', async () => {
    await using s = await scene();
    const count = 600;
    const writers = [1, 2, 3].map(async (writer) => {
      for (let n = 0; n < count / 3; n += 1) await s.client.must('PUT', `/v1/pools/p${writer}-${n}`, {});
    });
    const followers = Array.from({ length: 5 }, async (_, n) => {
      await new Promise((resolve) => setTimeout(resolve, n * 40));
      const response = await fetch(`http://${s.address}/v1/events?follow=true`);
      return positions(await until(response, (text) => text.split('\n').length > count));
    });
    await Promise.all(writers);
    const wanted = Array.from({ length: count }, (_, n) => n + 1);
    for (const seen of await Promise.all(followers)) expect(seen).toEqual(wanted);
  });

  it('sends nothing of a stream before the position asked for, though that is still to come', async () => {
    await using s = await withWeb();
    const response = await fetch(`http://${s.address}/v1/events?follow=true&stream=pool-web&from=6&limit=2`);
    for (const policy of ['random', 'p2c', 'random', 'p2c'])
      await s.client.must('PUT', '/v1/pools/web', { policy });
    expect(positions(await response.text())).toEqual([6, 7]);
  });

  it('sends an event when it happens, of the stream that is followed only', async () => {
    await using s = await withWeb();
    const response = await fetch(`http://${s.address}/v1/events?follow=true&stream=pool-web&from=4`);
    await s.client.must('PUT', '/v1/pools/other', {});
    await s.client.must('PUT', '/v1/pools/web', { policy: 'random' });
    const text = await until(response, (so) => so.includes('\n'));
    expect(positions(text)).toEqual([5]);
  });

  it('reads on from the log for a slow client, holding nothing for it', async () => {
    const log = createMemoryLog({ now: Date.now });
    await using s = await scene({}, log);
    const pages: number[] = [];
    const written: number[] = [];
    let release = () => {};
    const watched = Object.assign(Object.create(log) as typeof log, {
      position: () => log.position(),
      archived: () => log.archived(),
      onAppended: log.onAppended.bind(log),
      read: async (options: object) => {
        const events = await log.read(options);
        pages.push(events.length);
        return events;
      },
    });
    const stop = new AbortController();
    const outlet = {
      signal: stop.signal,
      write: async (text: string) => {
        written.push(...positions(text));
        if (written.length === 1) await new Promise<void>((resolve) => (release = resolve));
        return true;
      },
    };
    await s.client.must('PUT', '/v1/pools/first', {});
    const wish = {
      from: 1,
      to: Number.MAX_SAFE_INTEGER,
      limit: 301,
      stream: undefined,
      follow: true,
      sse: false,
    };
    const poured = streamEvents(watched, wish, outlet);
    for (let n = 0; n < 300; n += 1) await s.client.must('PUT', `/v1/pools/p${n}`, {});
    expect(pages).toEqual([1]);
    release();
    await poured;
    expect(written).toEqual(Array.from({ length: 301 }, (_, n) => n + 1));
    expect(Math.max(...pages)).toBeLessThanOrEqual(256);
  });

  it('holds a page of so much text, and one event at least, for a slow client', async () => {
    await using s = await withWeb();
    const errorPages = { error: 'x'.repeat(60_000), maintenance: 'x'.repeat(60_000) };
    for (let n = 0; n < 8; n += 1)
      await s.client.must('PUT', `/v1/domains/large${n}.example.com`, { pool: 'web', errorPages });
    const pieces: string[] = [];
    const write = async (text: string) => pieces.push(text) > 0;
    const wish = { from: 1, to: 11, limit: 1000, stream: undefined, follow: false, sse: false };
    await streamEvents(s.log, wish, { signal: new AbortController().signal, write });
    expect(pieces.flatMap(positions)).toEqual(Array.from({ length: 11 }, (_, n) => n + 1));
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(500_000);
  });

  it('misses nothing that is written between reading the end and waiting', async () => {
    const log = createMemoryLog({ now: Date.now });
    let version = 0;
    const sneaky = Object.assign(Object.create(log) as typeof log, {
      position: () => log.position(),
      archived: () => log.archived(),
      onAppended: log.onAppended.bind(log),
      read: async (options: object) => {
        const events = await log.read(options);
        if (events.length === 0) await log.append(appendOf('pool-a', version++, `b${version}`));
        return events;
      },
    });
    const written: number[] = [];
    const outlet = {
      signal: new AbortController().signal,
      write: async (text: string) => {
        written.push(...positions(text));
        return written.length < 20;
      },
    };
    const wish = {
      from: 1,
      to: Number.MAX_SAFE_INTEGER,
      limit: 1000,
      stream: undefined,
      follow: true,
      sse: false,
    };
    await streamEvents(sneaky, wish, outlet);
    expect(written).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  });

  it('stops reading when the client has gone', async () => {
    const log = createMemoryLog({ now: Date.now });
    let listeners = 0;
    const counted = Object.assign(Object.create(log) as typeof log, {
      position: () => log.position(),
      archived: () => log.archived(),
      read: (options: object) => log.read(options),
      onAppended: (listener: () => void) => {
        const off = log.onAppended(listener);
        listeners += 1;
        return () => {
          listeners -= 1;
          off();
        };
      },
    });
    await using s = await scene({ log: counted }, log);
    const stop = new AbortController();
    await fetch(`http://${s.address}/v1/events?follow=true`, { signal: stop.signal });
    expect(listeners).toBe(1);
    stop.abort();
    await expect.poll(() => listeners).toBe(0);
  });

  it('is for 64 at once', async () => {
    await using s = await scene();
    const open = Array.from({ length: 64 }, () => fetch(`http://${s.address}/v1/events?follow=true`));
    for (const response of await Promise.all(open)) expect(response.status).toBe(200);
    const over = await s.client.get('/v1/events?follow=true');
    expect(over).toMatchObject({ status: 503, body: { type: 'too_many_followers' } });
    expect((await s.client.get('/v1/events')).status).toBe(200);
    const first = await open[0]!;
    await first.body?.cancel();
    await expect
      .poll(async () => (await fetch(`http://${s.address}/v1/events?follow=true`)).status)
      .toBe(200);
  });

  it('holds no place for who left before the answer began', async () => {
    await using s = await scene();
    for (let clients = 0; clients < 64; clients += 1) {
      const client = await RawClient.connect(s.port);
      client.socket.write(
        'GET /v1/events?follow=true HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n',
      );
      await pause(5);
      client.socket.destroy();
    }
    const status = async () => (await fetch(`http://${s.address}/v1/events?follow=true`)).status;
    await expect.poll(status).toBe(200);
  });

  it('closed half-way by a failing log ends the connection, not the stream', async () => {
    const log = createMemoryLog({ now: Date.now });
    const failing = Object.assign(Object.create(log) as typeof log, {
      position: async () => 1,
      archived: async () => 0,
      onAppended: log.onAppended.bind(log),
      read: () => Promise.reject(new Error('disk gone')),
    });
    await using s = await scene({ log: failing }, log);
    await expect(
      fetch(`http://${s.address}/v1/events`).then((response) => response.text()),
    ).rejects.toThrow();
    expect(s.logged).toMatchObject([{ level: 'error', fields: { err: { message: 'disk gone' } } }]);
    expect((await s.client.get('/healthz')).status).toBe(200);
  });
});

describe('Server-Sent Events', () => {
  const sse = (s: Scene, query = '', headers = {}) =>
    fetch(`http://${s.address}/v1/events${query}`, { headers: { accept: 'text/event-stream', ...headers } });

  it('have an id, a name and one line of data', async () => {
    await using s = await withWeb();
    const response = await sse(s, '?limit=1');
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const [event] = await s.log.read({ limit: 1 });
    expect(await response.text()).toBe(
      `retry: 1000\n\nid: 1\nevent: PoolCreated\ndata: ${JSON.stringify(event)}\n\n`,
    );
  });

  it('go on after the last one that a client saw', async () => {
    await using s = await withWeb();
    const text = await (await sse(s, '?from=1', { 'last-event-id': '2' })).text();
    expect(text.match(/^id: .*/gm)).toEqual(['id: 3']);
  });

  it('say that they live while nothing happens', async () => {
    await using s = await scene({ heartbeatMs: 20 });
    const text = await until(await sse(s, '?follow=true'), (so) => so.includes(':\n\n:\n\n'));
    // One more may have come with the second.
    expect(text).toMatch(/^retry: 1000\n\n(?::\n\n){2,}$/);
  });

  it('survive a client that reads nothing, without memory for it', async () => {
    await using s = await scene();
    const socket = connect(s.port, '127.0.0.1');
    socket.pause();
    socket.write('GET /v1/events?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n');
    for (let n = 0; n < 50; n += 1) await s.client.must('PUT', `/v1/pools/p${n}`, {});
    expect((await s.client.get('/v1/pools/p49')).status).toBe(200);
    socket.destroy();
  });
});
