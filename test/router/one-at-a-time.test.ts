import { describe, expect, it } from 'vitest';
import { oneAtATime } from '../../src/router/one-at-a-time.ts';

describe('work one at a time', () => {
  it('is begun after the last ask, however long the one before takes, and once for all who ask meanwhile', async () => {
    let file = 'first';
    const done: string[] = [];
    const slow = Promise.withResolvers<void>();
    const follow = oneAtATime(async () => {
      const read = file;
      if (read === 'first') await slow.promise;
      done.push(read);
    });
    const asks = [follow()];
    await Promise.resolve();
    for (file of ['second', 'third', 'last']) asks.push(follow());
    slow.resolve();
    await Promise.all(asks);
    expect(done).toEqual(['first', 'last']);
    file = 'another';
    await follow();
    expect(done).toEqual(['first', 'last', 'another']);
  });

  it('goes on after one that failed', async () => {
    let times = 0;
    const work = oneAtATime(async () => {
      times += 1;
      if (times === 1) throw new Error('a fault');
    });
    await expect(work()).rejects.toThrow('a fault');
    await work();
    expect(times).toBe(2);
  });
});
