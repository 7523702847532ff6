import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSqliteLog, type SwitchyardEvent, type Write } from '../../eventlog/index.ts';
import { LocalHistory, type OpenSources, sourcesOf } from '../../src/history/index.ts';
import { tamper } from '../support/tamper.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';

const STREAM = 'domain-large.example' as Write['stream'];
const EVENTS = 120;
const DAMAGED = 77;
// 60 KB: all of them are 7 MB, and a page of 500 would be all of them.
const LARGE = 'x'.repeat(60_000);
const MOST = 400_000;

let directory: TempDirectory;
let past: OpenSources;

beforeEach(async () => {
  directory = await tempDirectory();
  const log = openSqliteLog({ directory: directory.path, now: () => 1000 });
  for (let version = 1; version <= EVENTS; version++) {
    // Small ones among them, so that pages are of different sizes.
    const settings = { pool: 'web', ...(version % 40 < 15 ? { errorPages: { unavailable: LARGE } } : {}) };
    const type = version === 1 ? 'DomainCreated' : 'DomainChanged';
    const event = { type, data: { settings } } as unknown as SwitchyardEvent;
    const write = { stream: STREAM, expected: version - 1, events: [event], current: { settings, version } };
    const writes = [write as unknown as Write];
    await log.append({ commandId: `${version}`, digest: 'd', author: 'large', answer: null, writes });
  }
  await log.close();
  tamper(directory.path, `UPDATE events SET data = '{}' WHERE position = ${DAMAGED}`);
  past = sourcesOf(directory.path, Date.now);
});
afterEach(async () => {
  vi.restoreAllMocks();
  past.close();
  await directory[Symbol.asyncDispose]();
});

describe('a search of events', () => {
  it.each([
    ['forwards', false, undefined],
    ['backwards', true, undefined],
    ['forwards in one stream', false, STREAM],
    ['backwards in one stream', true, STREAM],
  ])('%s tells each once, some hundred kilobytes at a time', async (_how, reverse, stream) => {
    const positions: number[] = [];
    const damaged: number[] = [];
    const wish = { reverse, stream, limit: 1000 };
    for await (const piece of new LocalHistory(past).pour('events', wish)) {
      expect(piece.length).toBeLessThan(MOST);
      for (const line of piece.trimEnd().split('\n')) {
        const { position, type } = JSON.parse(line) as { position: number; type: string };
        positions.push(position);
        if (type === 'EventUnreadable') damaged.push(position);
      }
    }
    const inOrder = Array.from({ length: EVENTS }, (_, at) => at + 1);
    expect(positions).toEqual(reverse ? inOrder.toReversed() : inOrder);
    expect(damaged).toEqual([DAMAGED]);
  });

  it('says now and then how far it is, to who wants to know', async () => {
    const search = async (progress: boolean) => {
      const wish = { reverse: false, limit: 1000, grep: 'nowhere', progress };
      let text = '';
      for await (const piece of new LocalHistory(past).pour('events', wish)) text += piece;
      return text;
    };
    // Half a second, and more, passes between two looks at the clock.
    let ms = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (ms += 600));
    expect(await search(false)).toBe('');
    const lines = (await search(true)).trimEnd().split('\n');
    const positions = lines.map((line) => JSON.parse(line).progress.position);
    expect(positions.length).toBeGreaterThan(3);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(positions.at(-1)).toBe(EVENTS);
  });
});
