import { describe, expect, it } from 'vitest';
import { LONGEST_PARKING_MS, parkingDelayMs } from '../../../actors/supervision/backoff.ts';
import { afterCrash, afterPassingFailure, HEALTHY } from '../../../actors/supervision/parking.ts';
import { countRestart } from '../../../actors/supervision/restart-intensity.ts';

const WINDOW = { intensity: 2, periodMs: 1000 };
const half = () => 0.5;

describe('the restart window', () => {
  it('allows as many restarts as its intensity', () => {
    expect(countRestart([0], WINDOW, 10)).toEqual({ verdict: 'restart', restarts: [0, 10] });
  });

  it('refuses one more', () => {
    expect(countRestart([0, 10], WINDOW, 20).verdict).toBe('escalate');
  });

  it('still counts a restart that is exactly a period old', () => {
    expect(countRestart([0, 10], WINDOW, 1000).verdict).toBe('escalate');
  });

  it('forgets a restart that is older than the period', () => {
    expect(countRestart([0, 10], WINDOW, 1001)).toEqual({ verdict: 'restart', restarts: [10, 1001] });
  });

  it('refuses the first restart at intensity 0', () => {
    expect(countRestart([], { intensity: 0, periodMs: 1000 }, 5).verdict).toBe('escalate');
  });
});

describe('the back-off of a parked child', () => {
  it('doubles until 5 s', () => {
    const most = () => 1;
    expect([1, 2, 3, 4, 5, 6, 7, 8].map((parking) => parkingDelayMs(parking, most))).toEqual([
      100, 200, 400, 800, 1600, 3200, 5000, 5000,
    ]);
  });

  it('leaves at least half of it to no chance', () => {
    expect(parkingDelayMs(7, () => 0)).toBe(LONGEST_PARKING_MS / 2);
  });

  it('stays at 5 s however often it was parked', () => {
    expect(parkingDelayMs(5000, () => 1)).toBe(LONGEST_PARKING_MS);
  });
});

describe('a child after a crash', () => {
  it('is restarted while its window allows', () => {
    expect(afterCrash(HEALTHY, { now: 5, ranForMs: 0 }, WINDOW, half).type).toBe('restart');
  });

  it('is parked when its window is spent', () => {
    const spell = { restarts: [0, 1], parkings: 0 };
    expect(afterCrash(spell, { now: 2, ranForMs: 0 }, WINDOW, half)).toEqual({
      type: 'park',
      spell: { restarts: [], parkings: 1 },
      delayMs: 75,
    });
  });

  it('is parked for longer when it crashes on trial, a millisecond before its period is over', () => {
    const spell = { restarts: [], parkings: 2 };
    const next = afterCrash(spell, { now: 999_999, ranForMs: 999 }, WINDOW, half);
    expect(next).toMatchObject({ type: 'park', spell: { parkings: 3 } });
  });

  it('is healthy again after a period without a crash', () => {
    const spell = { restarts: [], parkings: 2 };
    const next = afterCrash(spell, { now: 999_999, ranForMs: 1000 }, WINDOW, half);
    expect(next).toEqual({ type: 'restart', spell: { restarts: [999_999], parkings: 0 } });
  });

  it('for want of what time may bring is parked at once, and healthy again after a period like any other', () => {
    const once = afterPassingFailure(HEALTHY, 0, 1000, half);
    expect(once).toEqual({ type: 'park', spell: { restarts: [], parkings: 1 }, delayMs: 75 });
    expect(afterPassingFailure(once.spell, 999, 1000, half)).toMatchObject({
      spell: { parkings: 2 },
      delayMs: 150,
    });
    expect(afterPassingFailure(once.spell, 1000, 1000, half)).toMatchObject({
      spell: { parkings: 1 },
      delayMs: 75,
    });
  });
});
