/** What a user's regular expression costs a router, whatever the paths. */
import { expect, it } from 'vitest';
import { compilePattern } from '../../src/config/index.ts';
import { Chance } from '../support/chance.ts';
import { liveBytes } from '../support/live-bytes.ts';

it('keeps nothing of the paths it examined', () => {
  // Which of the last 16 characters were an "a": 65 536 states, of which each path visits others.
  const pattern = compilePattern('[ac].{15}[xy]')!;
  const chance = new Chance(1);
  const path = () => `/${Array.from({ length: 2047 }, () => chance.pick('ab'.split(''))).join('')}`;
  pattern.test(path());
  const before = liveBytes();
  for (let n = 0; n < 10; n++) expect(pattern.test(path())).toBe(false);
  expect(liveBytes() - before).toBeLessThan(1_000_000);
  expect(pattern.test(`/a${'b'.repeat(15)}x`)).toBe(true);
});
