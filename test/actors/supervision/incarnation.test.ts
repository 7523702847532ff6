import { describe, expect, it } from 'vitest';
import {
  type ChildContext,
  type ChildEnd,
  crashed,
  type Running,
} from '../../../actors/supervision/child-spec.ts';
import { Incarnation, type Stopped } from '../../../actors/supervision/incarnation.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

function conceive() {
  const clock = new VirtualClock();
  const ends: ChildEnd[] = [];
  const stops: Stopped[] = [];
  const contexts: ChildContext[] = [];
  const starts: number[] = [];
  const life = new Incarnation({
    id: 'x',
    kind: 'test',
    started: () => starts.push(clock.now()),
    ended: (_, end) => ends.push(end),
  });
  const begin = (running: Running | Promise<Running>, limitMs?: number) => {
    const start = (context: ChildContext) => {
      contexts.push(context);
      return running;
    };
    life.begin(start, clock, limitMs);
  };
  const stop = (shutdownMs: number | 'brutal') =>
    life.stop(clock, shutdownMs, (_, stopped) => stops.push(stopped));
  return { clock, ends, stops, starts, contexts, life, begin, stop };
}

const never = () => new Promise<never>(() => {});
const BUG = new Error('a bug');

describe('one life of a child', () => {
  it('runs at once when its start is done at once', () => {
    const { begin, life, starts } = conceive();
    const running = { stop() {} };
    begin(running);
    expect(life.running).toBe(running);
    expect(starts).toHaveLength(1);
  });

  it('tells a start that it is no longer wanted, because of a stop', () => {
    const { begin, contexts, stop } = conceive();
    begin(never());
    const { signal } = contexts[0]!;
    expect(signal.aborted).toBe(false);
    stop(100);
    expect(signal.reason).toBe('shutdown');
  });

  it('tells a start that it is no longer wanted, because of a kill', () => {
    const { begin, contexts, stop, stops } = conceive();
    begin(never());
    const { signal } = contexts[0]!;
    stop('brutal');
    expect(signal.reason).toBe('kill');
    expect(stops).toEqual([{ how: 'abandoned' }]);
  });

  it('tells a start that it is no longer wanted, because it took too long', async () => {
    const { begin, clock, contexts, ends } = conceive();
    begin(never(), 100);
    const { signal } = contexts[0]!;
    await clock.advance(100);
    expect(signal.aborted).toBe(true);
    expect(ends).toMatchObject([{ type: 'crashed', error: { code: 'start_timed_out' } }]);
  });

  it('sets no limit of time to a start that is done at once', () => {
    const { begin, clock } = conceive();
    begin({ stop() {} }, 100);
    expect(clock.pending).toBe(0);
  });

  it('fails to start by a rejection, and nothing is left unhandled', async () => {
    const { begin, clock, ends } = conceive();
    begin(Promise.reject(BUG));
    await clock.settle();
    expect(ends).toEqual([crashed(BUG)]);
  });

  it('lets go of the shutdown time when it stopped within it', async () => {
    const { begin, clock, stop, stops } = conceive();
    const gone = Promise.withResolvers<void>();
    begin({ stop: () => gone.promise });
    stop(100);
    expect(clock.pending).toBe(1);
    gone.resolve();
    await clock.settle();
    expect(stops).toEqual([{ how: 'stopped' }]);
    expect(clock.pending).toBe(0);
  });

  it('was killed, when it ends between its killing and the end of it', async () => {
    const { begin, clock, contexts, stop, stops } = conceive();
    begin({ stop: never });
    stop(100);
    await clock.advance(100);
    contexts[0]?.exited({ type: 'normal' });
    expect(stops).toEqual([{ how: 'killed' }]);
    expect(clock.pending).toBe(0);
  });

  it('is killed when its stop rejects', async () => {
    const { begin, clock, stop, stops } = conceive();
    const asked: string[] = [];
    begin({
      stop: async (reason) => {
        asked.push(reason);
        if (reason === 'shutdown') throw BUG;
      },
    });
    stop(100);
    await clock.settle();
    expect(asked).toEqual(['shutdown', 'kill']);
    expect(stops).toEqual([{ how: 'killed', error: BUG }]);
  });

  it('is abandoned when its kill throws', () => {
    const { begin, stop, stops } = conceive();
    begin({
      stop: () => {
        throw BUG;
      },
    });
    stop('brutal');
    expect(stops).toEqual([{ how: 'abandoned', error: BUG }]);
  });

  it('has crashed, made to crash, when what it does for that throws', () => {
    const { begin, clock, ends, life } = conceive();
    begin({
      stop() {},
      crash: (error) => {
        throw error;
      },
    });
    life.crash(clock, BUG);
    expect(ends).toEqual([crashed(BUG)]);
  });

  it('has crashed, made to crash, only once its killing is done', async () => {
    const { begin, clock, ends, life } = conceive();
    const gone = Promise.withResolvers<void>();
    begin({ stop: () => gone.promise });
    life.crash(clock, BUG);
    expect(ends).toEqual([]);
    gone.resolve();
    await clock.settle();
    expect(ends).toEqual([crashed(BUG)]);
  });

  it('is stopped, made to crash and then stopped before it is gone', async () => {
    const { begin, clock, ends, life, stop, stops } = conceive();
    begin({ stop: never });
    life.crash(clock, BUG);
    stop(100);
    await clock.advance(1000);
    expect(ends).toEqual([]);
    expect(stops).toEqual([{ how: 'abandoned' }]);
  });
});
