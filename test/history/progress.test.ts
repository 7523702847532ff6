import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Unanswerable } from '../../src/history/index.ts';
import { answerOf, progressLines, withAnswer } from '../../src/history/progress.ts';

/** Goes on for longer than it takes until something is said. */
async function* long(end: () => number): AsyncGenerator<{ readonly done: number }, number> {
  const untilMs = performance.now() + 600;
  for (let done = 0, isLate = false; !isLate; done++) {
    isLate = performance.now() >= untilMs;
    yield { done };
    await nextTurn();
  }
  return end();
}

async function linesOf(steps: AsyncGenerator<unknown, unknown>): Promise<unknown[]> {
  const lines: unknown[] = [];
  for await (const text of withAnswer(progressLines(steps))) lines.push(JSON.parse(text));
  return lines;
}

const refuse = (): never => {
  throw new Unanswerable('invalid_query', 'expected more');
};

describe('a long question', () => {
  it('says now and then how far it is, and its answer last', async () => {
    const lines = await linesOf(long(() => 7));
    expect(lines[0]).toEqual({ progress: { done: expect.any(Number) } });
    expect(lines.at(-1)).toBe(7);
    expect(await answerOf(long(() => 7))).toBe(7);
  });

  it('that is short has one line', async () => {
    const short = async function* () {
      yield 1;
      return { ok: true };
    };
    expect(await linesOf(short())).toEqual([{ ok: true }]);
  });

  it('that cannot be answered says so as a line, once something was said', async () => {
    const lines = await linesOf(long(refuse));
    expect(lines.at(-1)).toEqual({ problem: { type: 'invalid_query', detail: 'expected more' } });
    // biome-ignore lint/correctness/useYield: it has nothing to say
    const at = async function* () {
      return refuse();
    };
    await expect(linesOf(at())).rejects.toThrow('expected more');
  });

  it('ends with whoever asked', async () => {
    let isOver = false;
    const steps = async function* () {
      try {
        yield* long(() => 7);
      } finally {
        isOver = true;
      }
    };
    for await (const _ of withAnswer(progressLines(steps()))) break;
    expect(isOver).toBe(true);
  });
});
