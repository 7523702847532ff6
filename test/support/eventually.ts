/** Waits for what must become true, and says what it was waiting for when it does not. */

// 20 s: no claim, but how a hang is told from a machine with much else to do. What never becomes true is found out all the same.
export const PATIENCE_MS = 20_000;

export async function eventually(
  condition: () => boolean,
  what: string,
  withinMs = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`expected ${what} within ${withinMs} ms`);
    await pause(5);
  }
}

export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}
