import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RetryAgenda } from '../../../actors/supervision/retry-agenda.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

it('calls everybody at their time, behind one timer', async () => {
  const delays = fc.array(fc.record({ afterMs: fc.nat(50), delayMs: fc.nat(500) }), {
    maxLength: 40,
    size: 'max',
  });
  await fc.assert(
    fc.asyncProperty(delays, async (added) => {
      const clock = new VirtualClock();
      const called: number[] = [];
      const agenda = new RetryAgenda<number>(clock, (dueMs) => {
        expect(clock.now()).toBe(dueMs);
        called.push(dueMs);
      });
      const due: number[] = [];
      for (const { afterMs, delayMs } of added) {
        await clock.advance(afterMs);
        due.push(clock.now() + delayMs);
        agenda.add(clock.now() + delayMs, clock.now() + delayMs);
        expect(clock.pending).toBe(1);
      }
      await clock.advance(500);
      expect(called).toEqual(due.sort((a, b) => a - b));
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 300 },
  );
});

it('forgets everybody when it is cleared', async () => {
  const clock = new VirtualClock();
  const called: string[] = [];
  const agenda = new RetryAgenda<string>(clock, (item) => called.push(item));
  agenda.add('a', clock.now() + 10);
  agenda.clear();
  agenda.add('b', clock.now() + 20);
  await clock.advance(100);
  expect(called).toEqual(['b']);
});
