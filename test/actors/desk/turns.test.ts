/** Whose turn it is, as those who ask find it. */
import { describe, expect, it } from 'vitest';
import { type Turn, Turns } from '../../../actors/desk/turns.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Calls by name, in the order in which their turn came; each lasts until it is ended. */
class Queue {
  readonly turns = new Turns();
  readonly begun: string[] = [];
  readonly #ends = new Map<string, PromiseWithResolvers<void>>();

  /** `read a`, `write b`: all of them at once. */
  async ask(name: string, ...wishes: readonly string[]): Promise<void> {
    const wanted = wishes.map((wish): Turn => {
      const [mode, key] = wish.split(' ') as [Turn['mode'], string];
      return { key, mode };
    });
    const end = Promise.withResolvers<void>();
    this.#ends.set(name, end);
    await this.turns.take(wanted, () => {
      this.begun.push(name);
      return end.promise;
    });
  }

  async end(name: string, error?: Error): Promise<void> {
    if (error === undefined) this.#ends.get(name)?.resolve();
    else this.#ends.get(name)?.reject(error);
    await settle();
  }
}

describe('a turn', () => {
  it('is one writer’s, or many readers’, in order of arrival', async () => {
    const queue = new Queue();
    void queue.ask('w1', 'write a');
    void queue.ask('r1', 'read a');
    void queue.ask('r2', 'read a');
    void queue.ask('w2', 'write a');
    void queue.ask('r3', 'read a');
    void queue.ask('other', 'write b');
    await settle();
    expect([queue.begun, queue.turns.depth('a')]).toEqual([['w1', 'other'], 5]);
    await queue.end('w1');
    expect(queue.begun.slice(2)).toEqual(['r1', 'r2']);
    await queue.end('r2');
    expect(queue.begun.slice(4)).toEqual([]);
    await queue.end('r1');
    expect(queue.begun.slice(4)).toEqual(['w2']);
    await queue.end('w2');
    expect(queue.begun.slice(5)).toEqual(['r3']);
    await queue.end('r3');
    expect(queue.turns.depth('a')).toBe(0);
  });

  it('on several keys comes when it is one’s on each, and nobody waits for who waits for him', async () => {
    const queue = new Queue();
    void queue.ask('first', 'write a', 'read b');
    void queue.ask('second', 'write b', 'write a');
    void queue.ask('third', 'read b', 'write c');
    await settle();
    expect(queue.begun).toEqual(['first']);
    await queue.end('first');
    await queue.end('second');
    expect(queue.begun).toEqual(['first', 'second', 'third']);
    await queue.end('third');
    expect(['a', 'b', 'c'].map((key) => queue.turns.depth(key))).toEqual([0, 0, 0]);
  });

  it('ends with a failure as with anything else, and on no key comes at once', async () => {
    const queue = new Queue();
    const failing = expect(queue.ask('failing', 'write a')).rejects.toThrow('a bug');
    void queue.ask('next', 'write a');
    void queue.ask('free');
    await queue.end('failing', new Error('a bug'));
    await failing;
    expect(queue.begun.toSorted()).toEqual(['failing', 'free', 'next']);
  });
});
