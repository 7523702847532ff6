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

// What a client sends is read by the router, then by its backend, then by the router again: each in a turn of its own, or in two.
const TURNS = 20;

/**
 * At least so long, and so many turns of the loop: after a time in which the whole process stood still its timers come first, before it
 * reads what came meanwhile.
 */
export async function pause(durationMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}
