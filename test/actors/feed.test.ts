/** What the workers are told, through crashes of whoever tells it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Feed } from '../../actors/feed.ts';
import type { ChildEnd, Running } from '../../actors/index.ts';
import {
  createMemoryLog,
  type Happened,
  type LocalLog,
  openSqliteLog,
  openSqliteLogBeside,
} from '../../eventlog/index.ts';
import { append, domainCreated, domainOf, write } from '../eventlog/appends.ts';
import { tempDirectory } from '../support/temp-directory.ts';

// Longer than a page of the log as the feed reads it.
const LARGE = 1500;

let log: LocalLog;
let told: Happened[];
let feed: Feed;
let ends: ChildEnd[];
let made = 0;

beforeEach(() => {
  log = createMemoryLog({ now: () => 0 });
  told = [];
  ends = [];
  feed = new Feed(log, (happened) => told.push(happened));
});

/** One command that makes so many domains. */
const happen = (count: number) => {
  const hosts = Array.from({ length: count }, () => `d${made++}.test`);
  return log.append(append(hosts.map((host) => write(domainOf(host), 0, [domainCreated()]))));
};

async function start(): Promise<Running> {
  const { id, kind, start: begin } = feed.childSpec();
  const { signal } = new AbortController();
  return begin({ id, kind, signal, exited: (end) => void ends.push(end) });
}

const spans = () => told.map(({ first, last }) => [first, last]);
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the feed', () => {
  it('tells nothing of what there was before it first started, and then each transaction', async () => {
    await happen(2);
    await start();
    await happen(1);
    await happen(3);
    expect(spans()).toEqual([
      [3, 3],
      [4, 6],
    ]);
    expect(feed.position).toBe(6);
  });

  it('tells after a crash what it missed, each event once and no command in two pieces', async () => {
    const running = await start();
    await happen(1);
    running.crash?.(new Error('a bug'));
    expect(ends).toMatchObject([{ type: 'crashed' }]);
    const ending: number[] = [1];
    for (const count of [998, 2, LARGE, 1, 1000, LARGE + LARGE, 3]) {
      await happen(count);
      ending.push(await log.position());
    }
    expect(spans()).toEqual([[1, 1]]);
    await start();
    expect(told.flatMap(({ events }) => events.map(({ position }) => position))).toEqual(
      Array.from({ length: ending.at(-1)! }, (_, at) => at + 1),
    );
    for (const [, last] of spans()) expect(ending).toContain(last);
    await happen(1);
    expect(spans().at(-1)).toEqual([ending.at(-1)! + 1, ending.at(-1)! + 1]);
  });

  it('tells of a transaction what of it is new to who listens', async () => {
    const running = await start();
    await running.stop('shutdown');
    await happen(3);
    feed.skipTo(2);
    feed.skipTo(1);
    await start();
    expect(spans()).toEqual([[3, 3]]);
  });

  it('begins anew where it was not told of something, and then tells that first', async () => {
    await using directory = await tempDirectory();
    await using own = openSqliteLog({ directory: directory.path, now: () => 0 });
    const others = openSqliteLogBeside({ directory: directory.path, now: () => 0 }).log;
    await using _ = others;
    log = own;
    feed = new Feed(log, (happened) => told.push(happened));
    await start();
    await happen(1);
    log = others;
    await happen(2);
    log = own;
    await happen(3);
    expect(ends).toMatchObject([
      { type: 'crashed', error: { message: expect.stringMatching(/2, found 4$/) } },
    ]);
    expect(spans()).toEqual([[1, 1]]);
    const published = feed.published(6);
    await start();
    await published;
    expect(told.flatMap(({ events }) => events.map(({ position }) => position))).toEqual([1, 2, 3, 4, 5, 6]);
    await happen(1);
    expect([spans().at(-1), ends.length]).toEqual([[7, 7], 1]);
  });

  it('lets who waits for a position wait through a crash, and until that is told', async () => {
    const running = await start();
    const reached: number[] = [];
    for (const position of [0, 1, 2])
      void feed.published(position).then(() => {
        reached.push(position);
      });
    await turn();
    expect(reached).toEqual([0]);
    await running.stop('kill');
    await happen(1);
    await turn();
    expect(reached).toEqual([0]);
    await start();
    await turn();
    expect([reached, spans()]).toEqual([[0, 1], [[1, 1]]]);
    await happen(1);
    await turn();
    expect(reached).toEqual([0, 1, 2]);
  });
});
