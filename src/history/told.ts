/** A long question being answered: how far it is, now and then, and the answer at its end. */
import { Unanswerable } from './unanswerable.ts';

// Often enough to see that it moves.
const PROGRESS_MS = 500;

/** The answer alone. */
export async function answerOf<Answer>(steps: AsyncGenerator<unknown, Answer>): Promise<Answer> {
  for (;;) {
    const step = await steps.next();
    if (step.done === true) return step.value;
  }
}

/** Lines of JSON: `progress` now and then, and the answer as the last, or a `problem` where something was said already. */
export async function* told(steps: AsyncGenerator<unknown, unknown>): AsyncGenerator<string> {
  let saidMs = performance.now();
  let isBegun = false;
  try {
    for (;;) {
      const step = await steps.next();
      if (step.done === true) return yield line(step.value);
      const nowMs = performance.now();
      if (nowMs - saidMs < PROGRESS_MS) continue;
      saidMs = nowMs;
      isBegun = true;
      yield line({ progress: step.value });
    }
  } catch (error) {
    if (!isBegun || !(error instanceof Unanswerable)) throw error;
    yield line({ problem: { type: error.word, detail: error.message } });
  } finally {
    await steps.return(undefined);
  }
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
