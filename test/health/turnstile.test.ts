import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turnstile } from '../../src/health/turnstile.ts';

it('a turnstile lets so many in at once, the others in the order in which they came, whoever fails', async () => {
  const turnstile = new Turnstile(2);
  const begun: number[] = [];
  const acts = Array.from({ length: 6 }, () => Promise.withResolvers<void>());
  const all = acts.map(({ promise }, at) => {
    const act = () => {
      begun.push(at);
      return promise;
    };
    return turnstile.through(act).catch((error: Error) => error.message);
  });
  const ended = async (at: number, end: () => void) => {
    end();
    await all[at];
    await turn();
    return [...begun];
  };
  await turn();
  expect(begun).toEqual([0, 1]);
  expect(await ended(1, () => acts[1]!.reject(new Error('gone')))).toEqual([0, 1, 2]);
  expect(await ended(0, acts[0]!.resolve)).toEqual([0, 1, 2, 3]);
  for (const at of [2, 3, 4, 5]) await ended(at, acts[at]!.resolve);
  expect(await all[1]).toBe('gone');
  // All have left, so there is room for as many as at first.
  const held = Promise.withResolvers<void>();
  const again = [6, 7, 8].map((at) => {
    const act = () => {
      begun.push(at);
      return held.promise;
    };
    return turnstile.through(act);
  });
  await turn();
  expect(begun.slice(6)).toEqual([6, 7]);
  held.resolve();
  await Promise.all(again);
});

it('a turnstile costs whoever waits the same, however many wait', async () => {
  const act = async () => {};
  const tookMs = async (many: number) => {
    const turnstile = new Turnstile(1);
    const began = performance.now();
    for (let others = 1; others < many; others++) void turnstile.through(act);
    await turnstile.through(act);
    return performance.now() - began;
  };
  const least = async (many: number) => Math.min(await tookMs(many), await tookMs(many), await tookMs(many));
  await tookMs(1000);
  // Four times as many in some six times as long, by their garbage; where each moves all behind it, in two hundred.
  expect((await least(160_000)) / (await least(40_000))).toBeLessThan(40);
});
