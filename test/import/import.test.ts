import { describe, expect, it } from 'vitest';
import {
  createMemoryLog,
  type DomainName,
  domainStream,
  type EventLog,
  type PoolName,
  poolStream,
} from '../../eventlog/index.ts';
import { blocksOf } from '../../src/cli/transport/import-blocks.ts';
import { type ChunkResult, cutLines, importChunks } from '../../src/import/index.ts';
import { deskOver } from '../admin/scene.ts';
import { liveBytes } from '../support/live-bytes.ts';

async function* pieces(text: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function cut(text: string, size: number, from = 1) {
  const lines = [];
  for await (const chunk of cutLines(pieces(text, size), 2, { from })) lines.push(chunk);
  return lines;
}

async function imported(log: EventLog, text: string | Buffer, size = 3): Promise<ChunkResult[]> {
  const into = {
    desk: deskOver(log),
    by: { author: 'me', commandId: 'once' },
    ownAddresses: () => ({ listeners: ['127.0.0.1:8080'], local: ['127.0.0.1'] }),
  };
  const results: ChunkResult[] = [];
  for await (const result of importChunks(cutLines(pieces(text, 7), size), into)) results.push(result);
  return results;
}

const lines = (...objects: object[]) => objects.map((object) => `${JSON.stringify(object)}\n`).join('');
const pool = { pool: 'web', backends: { 'web.1': { address: '127.0.0.1:9001' } } };
const poolOf = async (log: EventLog, host: string) =>
  ((await log.current(domainStream(host as DomainName)))?.state as { settings: { pool: string } } | null)
    ?.settings.pool;

describe('lines', () => {
  it('are the same however the bytes come, blank ones counted and left out', async () => {
    const text = '\ufeffone\r\n\ntwö\n  \nthree';
    const whole = await cut(text, 1000);
    expect(whole.flat().map(({ number, text }) => [number, text.trim()])).toEqual([
      [1, 'one'],
      [3, 'twö'],
      [5, 'three'],
    ]);
    for (let size = 1; size < 20; size += 1) expect(await cut(text, size)).toEqual(whole);
    // A byte order mark is one where the text begins.
    for (const size of [1, 4, 1000])
      expect((await cut('ö\n\ufefftwo', size)).flat().map(({ text }) => text)).toEqual(['ö', '\ufefftwo']);
  });

  it('begin where one says', async () => {
    expect((await cut('a\nb\nc\nd\n', 3, 3)).flat().map(({ number }) => number)).toEqual([3, 4]);
  });

  it('that are too long, or are no text, are refused by number', async () => {
    await expect(cut(`a\n${'b'.repeat(1_048_577)}\n`, 65_536)).rejects.toThrow('line 2: expected at most');
    // Two bytes each.
    for (const size of [65_536, 4_000_000]) {
      expect(await cut(`${'ö'.repeat(524_288)}\n`, size)).toHaveLength(1);
      await expect(cut(`a\n${'ö'.repeat(524_289)}\n`, size)).rejects.toThrow('line 2: expected at most');
    }
    const bytes = (async function* () {
      yield Buffer.from([0x61, 0x0a, 0xff, 0x0a]);
    })();
    await expect(cutLines(bytes, 10).next()).rejects.toThrow('expected UTF-8');
  });

  it('are not many where they are long, however their bytes come', async () => {
    const most = 262_144;
    const text = [most / 2, most / 2, most / 2, most / 2 + 1, 10, 1_048_576, 10, 10]
      .map((length, index) => String(index).repeat(length))
      .join('\n');
    const numbers = async (size: number) => {
      const found: number[][] = [];
      for await (const chunk of cutLines(pieces(text, size), 1000))
        found.push(chunk.map(({ number }) => number));
      return found;
    };
    const expected = [[1, 2], [3], [4, 5], [6], [7, 8]];
    for (const size of [5000, 65_536, 4_000_000]) expect(await numbers(size)).toEqual(expected);
  });

  it('go in blocks that say where they stand', async () => {
    const text = Array.from(
      { length: 40_000 },
      (_, index) => `{"domain":"d${index}.example.com","pool":"web"}\n`,
    ).join('');
    const seen: string[] = [];
    let next = 30_001;
    for await (const { first, bytes } of blocksOf(pieces(text, 100_000), 30_001)) {
      expect(first).toBe(next);
      const rows = Buffer.from(bytes).toString().trimEnd().split('\n');
      next += rows.length;
      seen.push(...rows);
    }
    expect(seen.length).toBe(10_000);
    expect(seen[0]).toContain('"d30000.example.com"');
  });

  it('are held as long as they are, and little more, however many pieces they come in', async () => {
    let held = 0;
    async function* bytes() {
      const before = liveBytes();
      for (let at = 0; at < 200_000; at++) yield new Uint8Array(new ArrayBuffer(1)).fill(0x20);
      held = liveBytes() - before;
    }
    expect(await cutLines(bytes(), 10).next()).toEqual({ done: true, value: undefined });
    expect(held).toBeLessThan(10_000_000);
  });

  it('that never end are refused before the whole file is read', async () => {
    let read = 0;
    async function* endless() {
      yield Buffer.from('a\nb\n');
      for (; read < 1000; read++) yield Buffer.alloc(262_144, 'x');
    }
    const blocks = blocksOf(endless(), 1);
    expect((await blocks.next()).value).toMatchObject({ first: 1 });
    await expect(blocks.next()).rejects.toThrow('line 3: expected at most 1048576 bytes');
    expect(read).toBeLessThan(100);
    read = 0;
    const lines = cutLines(endless(), 2);
    expect((await lines.next()).value).toHaveLength(2);
    await expect(lines.next()).rejects.toThrow('line 3: expected at most 1048576 bytes');
    expect(read).toBeLessThan(100);
  });
});

describe('an import', () => {
  it('puts pools and domains, a chunk at one position each', async () => {
    await using log = createMemoryLog({ now: Date.now });
    const results = await imported(
      log,
      lines(
        pool,
        { domain: 'a.example.com', pool: 'web' },
        { domain: 'B.example.com.', pool: 'web' },
        { domain: '*', pool: 'web' },
      ),
    );
    expect(results).toMatchObject([
      { type: 'done', from: 1, to: 3, changed: 3 },
      { type: 'done', from: 4, to: 4, changed: 1 },
    ]);
    expect(await poolOf(log, 'b.example.com')).toBe('web');
    const events = await log.read({});
    expect(new Set(events.map((event) => event.metadata.commandId))).toEqual(new Set(['once:1', 'once:4']));
  });

  it('lets a later line win, and changes nothing when it comes again', async () => {
    await using log = createMemoryLog({ now: Date.now });
    const text = lines(
      pool,
      { pool: 'api' },
      { domain: 'a.example.com', pool: 'web' },
      { domain: 'a.example.com', pool: 'api' },
    );
    await imported(log, text, 4);
    expect(await poolOf(log, 'a.example.com')).toBe('api');
    const position = await log.position();
    expect(await imported(log, text, 3)).toMatchObject([
      { type: 'failed', failure: { rejection: { type: 'idempotency_key_reused' } } },
    ]);
    expect(await imported(log, text, 4)).toMatchObject([{ type: 'done', position }]);
  });

  it.each([1, 500])(
    'leaves the backends of a pool alone in a later line without any, in chunks of %i lines',
    async (size) => {
      await using log = createMemoryLog({ now: Date.now });
      const emptied = { pool: 'api', backends: {} };
      const text = lines(pool, { ...pool, pool: 'api' }, emptied);
      await imported(log, `${text}${lines({ pool: 'web', policy: 'random' })}`, size);
      const stateOf = async (name: string) => (await log.current(poolStream(name as PoolName)))?.state;
      expect(await stateOf('web')).toMatchObject({
        settings: { policy: 'random' },
        backends: { 'web.1': {} },
      });
      expect(await stateOf('api')).toHaveProperty('backends', {});
    },
  );

  it('ends at the first line that is refused, with nothing of its chunk and everything before it', async () => {
    await using log = createMemoryLog({ now: Date.now });
    const text = lines(
      pool,
      { domain: 'a.example.com', pool: 'web' },
      { domain: 'b.example.com', pool: 'web' },
      { domain: 'c.example.com', pool: 'web' },
      { domain: 'd.example.com', pool: 'nowhere' },
      { domain: 'e.example.com', pool: 'web' },
      { domain: 'f.example.com', pool: 'web' },
    );
    const results = await imported(log, text);
    expect(results).toMatchObject([
      { type: 'done', from: 1, to: 3 },
      { type: 'failed', from: 4, to: 6, failure: { line: 5, rejection: { type: 'pool_unknown' } } },
    ]);
    expect(await poolOf(log, 'b.example.com')).toBe('web');
    for (const host of ['c.example.com', 'd.example.com', 'e.example.com', 'f.example.com']) {
      expect(await poolOf(log, host)).toBeUndefined();
    }
  });

  it.each([
    ['too long', Buffer.from(lines({ pool: 'x'.repeat(1_048_576) }))],
    ['no text', Buffer.from('"\xff"\n', 'latin1')],
  ])('ends at a line that is %s, with nothing of its chunk and everything before it', async (_kind, line) => {
    await using log = createMemoryLog({ now: Date.now });
    const of = (domain: string) => Buffer.from(lines({ domain, pool: 'web' }));
    const before = [Buffer.from(lines(pool)), of('a.example.com'), of('b.example.com')];
    const text = Buffer.concat([...before, line, of('c.example.com')]);
    expect(await imported(log, text, 2)).toMatchObject([
      { type: 'done', from: 1, to: 2 },
      { type: 'failed', from: 3, to: 4, failure: { type: 'unreadable', line: 4 } },
    ]);
    expect(await poolOf(log, 'a.example.com')).toBe('web');
    for (const host of ['b.example.com', 'c.example.com']) expect(await poolOf(log, host)).toBeUndefined();
  });

  it.each([
    ['{"domain":"a.example.com","pool":"web"', 'column 39: expected JSON, found the end of the text'],
    ['{"domain":"a.example.com","pool":"web","pool":"api"}', 'expected'],
    ['{"domain":"a b","pool":"web"}', 'domain: expected a host name'],
    ['{"domain":"a.example.com","pool":"web","maxInflight":1}', 'did you mean "maxInFlight"?'],
    ['{"pool":"web","backends":{"web.1":{"address":"127.0.0.1:8080"}}}', 'which is our own listener'],
    ['[1]', 'expected {"domain": HOST, …} or {"pool": NAME, …}, found something else'],
    ['{"backends":{}}', 'found neither key'],
  ])('says what is wrong with %s', async (line, said) => {
    await using log = createMemoryLog({ now: Date.now });
    const [result] = await imported(log, `${line}\n`);
    expect(result).toMatchObject({ type: 'failed', failure: { type: 'unreadable', line: 1 } });
    expect(result?.type === 'failed' && result.failure.detail).toMatch(/^line 1: /);
    expect(result?.type === 'failed' && result.failure.detail).toContain(said);
  });
});
