import { expect, it } from 'vitest';
import { Pulse } from '../../../src/workers/worker/pulse.ts';

it('is as old as the last look that found it beaten', () => {
  const pulse = new Pulse(0);
  expect(pulse.look(1, 1000)).toBe(0);
  expect(pulse.look(3, 2000)).toBe(0);
  for (const nowMs of [3000, 4000, 5000]) pulse.look(3, nowMs);
  expect(pulse.look(3, 6000)).toBe(4000);
  expect(pulse.silentForMs(6500)).toBe(4500);
  expect(pulse.look(4, 7000)).toBe(0);
});

it('is taken anew where nobody could look either, as when the process was stopped', () => {
  const pulse = new Pulse(0);
  pulse.look(1, 1000);
  expect(pulse.look(1, 21_000)).toBe(0);
  expect(pulse.look(1, 22_000)).toBe(1000);
});
