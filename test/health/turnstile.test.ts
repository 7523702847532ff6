import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turnstile } from '../../src/health/turnstile.ts';

it('a turnstile lets so many in at once, the others in the order in which they came, whoever fails', async () => {
  const turnstile = new Turnstile({ inAll: 2, ofGroup: 2 });
  const begun: number[] = [];
  const acts = Array.from({ length: 6 }, () => Promise.withResolvers<void>());
  const all = acts.map(({ promise }, at) => {
    const act = () => {
      begun.push(at);
      return promise;
    };
    return turnstile.through('one', act).catch((error: Error) => error.message);
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
    return turnstile.through('one', act);
  });
  await turn();
  expect(begun.slice(6)).toEqual([6, 7]);
  held.resolve();
  await Promise.all(again);
});

it('a turnstile costs whoever waits the same, however many wait', async () => {
  const act = async () => {};
  const tookMs = async (many: number) => {
    const turnstile = new Turnstile({ inAll: 1, ofGroup: 1 });
    const began = performance.now();
    for (let others = 1; others < many; others++) void turnstile.through('one', act);
    await turnstile.through('one', act);
    return performance.now() - began;
  };
  const least = async (many: number) => Math.min(await tookMs(many), await tookMs(many), await tookMs(many));
  await tookMs(1000);
  // Four times as many in some six times as long, by their garbage; where each moves all behind it, in two hundred.
  expect((await least(160_000)) / (await least(40_000))).toBeLessThan(40);
});

it('a turnstile gives groups their turns, and none more than its places, however many of it wait', async () => {
  const turnstile = new Turnstile({ inAll: 4, ofGroup: 3 });
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const come = (group: string, count: number) => {
    for (let n = 1; n <= count; n++) {
      const name = `${group}${n}`;
      const act = () => {
        begun.push(name);
        return new Promise<void>((resolve) => ends.set(name, resolve));
      };
      void turnstile.through(group, act);
    }
  };
  const end = async (name: string) => {
    ends.get(name)?.();
    await turn();
    return begun.slice(4);
  };
  come('a', 100);
  await turn();
  expect(begun).toEqual(['a1', 'a2', 'a3']);
  come('b', 3);
  come('c', 2);
  await turn();
  expect(begun).toEqual(['a1', 'a2', 'a3', 'b1']);
  // The place that `a` leaves goes to those whose turn comes first, though 97 of `a` came before them.
  expect(await end('a1')).toEqual(['b2']);
  expect(await end('a2')).toEqual(['b2', 'c1']);
  expect(await end('b1')).toEqual(['b2', 'c1', 'a4']);
  expect(await end('c1')).toEqual(['b2', 'c1', 'a4', 'b3']);
  expect(await end('b2')).toEqual(['b2', 'c1', 'a4', 'b3', 'c2']);
  // With all others gone it has its three, and the fourth place stays free for whoever comes.
  for (const name of ['b3', 'c2']) await end(name);
  expect(begun.slice(9)).toEqual(['a5']);
  come('d', 1);
  await turn();
  expect(begun.slice(10)).toEqual(['d1']);
  expect(await end('a3')).toContain('a6');
});
