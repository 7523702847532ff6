import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOf } from '../../actors/index.ts';
import { createHeadcount, OwnHeadcount, SharedHeadcount, SLOTS } from '../../src/proxy/headcount.ts';

const THREADS = 4;
// With these `keyOf` is what it is without any.
const PLAIN = Buffer.from('efbeadde57cec641', 'hex');

describe('a headcount', () => {
  it.each([
    ['of one thread', () => new OwnHeadcount()],
    ['over threads', () => new SharedHeadcount(createHeadcount(THREADS), 1)],
  ])('%s lets the last one in that may be, not the next, and another when one has left', (_, make) => {
    const headcount = make();
    expect([1, 2, 3].map(() => headcount.enter('a', 2))).toEqual([true, true, false]);
    expect(headcount.enter('b', 1)).toBe(true);
    headcount.leave('a');
    expect([1, 2].map(() => headcount.enter('a', 2))).toEqual([true, false]);
  });

  it('over threads is one for all of them', () => {
    const memory = createHeadcount(THREADS);
    const [one, two] = [new SharedHeadcount(memory, 1), new SharedHeadcount(memory, 2)];
    expect([one.enter('a', 2), two.enter('a', 2), one.enter('a', 2), two.enter('a', 2)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    one.leave('a');
    expect(two.enter('a', 2)).toBe(true);
  });

  it('gives back what a thread that is gone had, and the lock if it held that', () => {
    const memory = createHeadcount(THREADS);
    const [main, one, two] = [0, 1, 2].map((thread) => new SharedHeadcount(memory, thread));
    for (const name of ['a', 'b', 'c']) one!.enter(name, 9);
    two!.enter('a', 9);
    memory.cells[0] = 2;
    main!.reap(1);
    expect(['a', 'b', 'c'].map((name) => two!.present(name))).toEqual([1, 0, 0]);
    expect(two!.enter('b', 1)).toBe(true);
  });

  it('does not wait for the lock of a second one that died, of which nobody has heard yet', () => {
    const memory = createHeadcount(THREADS);
    const [main, one, two] = [0, 1, 2].map((thread) => new SharedHeadcount(memory, thread));
    for (const thread of [one, two]) thread!.enter('a', 9);
    memory.cells[0] = 3;
    expect(main!.reap(1)).toBe(false);
    expect([main!.reap(2), main!.reap(1)]).toEqual([true, true]);
    expect(main!.present('a')).toBe(0);
  });

  it('of more names than there is room for refuses nobody, and knows again those that it has room for', () => {
    const headcount = new SharedHeadcount(createHeadcount(THREADS), 1);
    const names = Array.from({ length: 60_000 }, (_, n) => `host${n}.example`);
    expect(names.every((name) => headcount.enter(name, 1))).toBe(true);
    expect(names.every((name) => headcount.present(name) === 1)).toBe(false);
    expect(headcount.enter(names[0]!, 1)).toBe(false);
    for (const name of names) headcount.leave(name);
    expect(names.every((name) => headcount.present(name) === 0)).toBe(true);
    expect(headcount.enter(names.at(-1)!, 1)).toBe(true);
    expect(headcount.enter(names.at(-1)!, 1)).toBe(false);
  });

  it('counts nobody as another for whom a name was looked', () => {
    // Two names of one key.
    const [one, other] = ['pool-y187tc', 'pool-qrh34d'];
    const alike = new SharedHeadcount(createHeadcount(THREADS, PLAIN), 1);
    expect([alike.enter(one, 1), alike.enter(other, 1)]).toEqual([true, false]);
    const headcount = new SharedHeadcount(createHeadcount(THREADS), 1);
    expect([headcount.enter(one, 1), headcount.enter(other, 1)]).toEqual([true, true]);
  });

  it('agrees with a plain count, whoever comes, leaves and dies', () => {
    const name = fc.integer({ min: 0, max: 40 }).map((n) => CROWDED[n % CROWDED.length]!);
    const step = fc.record({
      // Seldom the last: it puts all that is left into its place.
      does: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom('enter', 'leave') },
        { weight: 1, arbitrary: fc.constant('reap') },
      ),
      thread: fc.integer({ min: 1, max: THREADS - 1 }),
      name,
      limit: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const memory = createHeadcount(THREADS, PLAIN);
        const threads = Array.from({ length: THREADS }, (_, thread) => new SharedHeadcount(memory, thread));
        const model = new Map<string, number[]>();
        const counts = (of: string) => model.get(of) ?? model.set(of, new Array(THREADS).fill(0)).get(of)!;
        const total = (of: string) => counts(of).reduce((sum, count) => sum + count, 0);
        for (const { does, thread, name: of, limit } of steps) {
          if (does === 'enter') {
            const isAllowed = total(of) < limit;
            expect(threads[thread]!.enter(of, limit)).toBe(isAllowed);
            if (isAllowed) counts(of)[thread]! += 1;
          } else if (does === 'leave') {
            if (counts(of)[thread]! > 0) counts(of)[thread]! -= 1;
            threads[thread]!.leave(of);
          } else {
            threads[0]!.reap(thread);
            for (const each of model.values()) each[thread] = 0;
          }
        }
        for (const of of CROWDED) expect(threads[0]!.present(of)).toBe(total(of));
      }),
      { numRuns: 60 },
    );
  });

  it('is exact while threads come and go at the same time', async () => {
    const memory = createHeadcount(THREADS);
    const most = new Int32Array(new SharedArrayBuffer(8));
    const program = `
      import { workerData } from 'node:worker_threads';
      const { memory, thread, most, url } = workerData;
      const { SharedHeadcount } = await import(url);
      const headcount = new SharedHeadcount(memory, thread);
      for (let i = 0; i < 20000; i++) {
        if (!headcount.enter('a', 2)) continue;
        const inside = Atomics.add(most, 0, 1) + 1;
        if (inside > 2) Atomics.store(most, 1, inside);
        Atomics.sub(most, 0, 1);
        headcount.leave('a');
      }`;
    const url = new URL('../../src/proxy/headcount.ts', import.meta.url).href;
    const threads = [1, 2, 3].map(
      (thread) =>
        new Promise<number>((resolve, reject) => {
          const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), {
            workerData: { memory, thread, most, url },
          });
          worker.on('error', reject).on('exit', resolve);
        }),
    );
    expect(await Promise.all(threads)).toEqual([0, 0, 0]);
    expect([...most]).toEqual([0, 0]);
    expect(new SharedHeadcount(memory, 0).present('a')).toBe(0);
  });
});

/** Names whose own places in the table are one after the other, around its end. */
const CROWDED = crowded(12);

function crowded(count: number): string[] {
  const found: string[] = [];
  for (let n = 0; found.length < count; n++) {
    const home = keyOf(`n${n}`) % SLOTS;
    if (home < 3 || home > SLOTS - 3) found.push(`n${n}`);
  }
  return found;
}
