/** Long work: its progress, and its result at the end. */
import { Unanswerable } from './unanswerable.ts';

// Often enough to show that it is progressing.
const PROGRESS_MS = 500;

/** The answer alone. */
export async function answerOf<Answer>(steps: AsyncGenerator<unknown, Answer>): Promise<Answer> {
  for (;;) {
    const step = await steps.next();
    if (step.done === true) return step.value;
  }
}

/** Yields lines of JSON with `progress` now and then. Returns the answer. */
export async function* progressLines<Answer>(
  steps: AsyncGenerator<unknown, Answer>,
): AsyncGenerator<string, Answer> {
  const isDue = progressDue();
  try {
    for (;;) {
      const step = await steps.next();
      if (step.done === true) return step.value;
      if (isDue()) yield progressLine(step.value);
    }
  } finally {
    await steps.return(undefined as Answer);
  }
}

/** Whether it is time to report progress. */
export function progressDue(): () => boolean {
  let saidMs = performance.now();
  return () => {
    const nowMs = performance.now();
    if (nowMs - saidMs < PROGRESS_MS) return false;
    saidMs = nowMs;
    return true;
  };
}

export function progressLine(progress: unknown): string {
  return line({ progress });
}

/** The same lines with the answer as the last one, or a `problem` if some lines were already sent. */
export async function* withAnswer(lines: AsyncGenerator<string, unknown>): AsyncGenerator<string, undefined> {
  let isBegun = false;
  try {
    for (;;) {
      const turn = await lines.next();
      if (turn.done === true) return yield line(turn.value);
      isBegun = true;
      yield turn.value;
    }
  } catch (error) {
    if (!isBegun || !(error instanceof Unanswerable)) throw error;
    yield line({ problem: { type: error.word, detail: error.message } });
  } finally {
    await lines.return(undefined);
  }
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
