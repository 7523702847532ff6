import { describe, expect, it } from 'vitest';
import { AllInOrder, attachArena, createArena, keyOf, recordSource } from '../../../../../actors/index.ts';
import { openJournalReader } from '../../../../../eventlog/index.ts';
import { JournalDesk } from '../../../../eventlog/journal/desk.ts';
import { temporaryDirectory } from '../../../../eventlog/journal/temporary-directory.ts';
import { nobody } from '../journalled-pool.ts';

const KEY = keyOf('web');
const SLOTS = 2 ** 16;

/** A pool of one backend, asked by so many threads, whose operations are recorded. */
async function scene(count: number) {
  const directory = temporaryDirectory();
  const main = createArena({ threads: count + 1, ring() {}, record: true, recordSlots: SLOTS });
  const desk = new JournalDesk(directory, { ringBytes: 2 ** 20, operations: recordSource(main.shared) });
  const pool = { policy: 'round-robin', maxWaiting: 1, whenEmpty: 'refuse', seed: 7 } as const;
  const web = { backendKey: keyOf('web.1'), limit: 0, weight: 1, state: 'up', quarantineUntilMs: 0 } as const;
  await main.define(KEY, pool, [web], 'widen', { position: 1, nowMs: desk.nowMs });
  const threads = Array.from(
    { length: count },
    () => attachArena(main.shared, main.enlist(), () => {}).pool(KEY)!,
  );
  return { directory, desk, threads };
}

describe('operations out of a journal', () => {
  it('are put in order in a moment where every second ticket is lost', async () => {
    const { directory, desk, threads } = await scene(2);
    const [full, other] = threads;
    for (let i = 0; i < SLOTS; i++) full!.checkout(desk.nowMs, [], nobody());
    const lost = SLOTS - 1;
    for (let i = 0; i < lost; i++)
      for (const each of [other!, full!]) each.checkout(desk.nowMs, [], nobody());
    const writer = desk.writer();
    while (!writer.turn()) desk.nowMs += 100;
    writer.close();
    const counts = { operations: 0, gaps: 0, ordered: true, ticket: 0 };
    const order = new AllInOrder({
      operation({ ticket }) {
        counts.operations++;
        counts.ordered &&= ticket > counts.ticket;
        counts.ticket = ticket;
      },
      gap() {
        counts.gaps++;
      },
      run() {},
    });
    const reader = openJournalReader(directory);
    const blocks = [...reader.operations()];
    reader.close();
    const before = process.cpuUsage();
    for (const block of blocks) order.take(block);
    order.end();
    const { user } = process.cpuUsage(before);
    expect(counts).toMatchObject({ operations: SLOTS + lost + 2, gaps: lost - 1, ordered: true });
    // One look at all of them for each gap takes more than ten times as long.
    expect(user / 1e6).toBeLessThan(3);
  });

  it('are all there, however many turns the journal is behind', async () => {
    const { directory, desk, threads } = await scene(4);
    // Long ones, of three slots each: together three turns' worth.
    const tried = Array.from({ length: 16 }, (_, index) => keyOf(`gone.${index}`));
    const each = 16_000;
    for (let i = 0; i < each; i++, desk.nowMs += 0.125)
      for (const thread of threads) thread.checkout(desk.nowMs, tried, nobody());
    const writer = desk.writer();
    let turns = 1;
    for (; !writer.turn(); turns++) desk.nowMs += 100;
    writer.close();
    const counts = { operations: 0, gaps: 0 };
    const order = new AllInOrder({
      operation: () => void counts.operations++,
      gap: () => void counts.gaps++,
      run() {},
    });
    const reader = openJournalReader(directory);
    for (const block of reader.operations()) order.take(block);
    order.end();
    reader.close();
    expect(turns).toBeGreaterThan(2);
    expect(counts).toEqual({ operations: 4 * each + 2, gaps: 0 });
  });
});
