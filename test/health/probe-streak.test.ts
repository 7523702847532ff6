import { describe, expect, it } from 'vitest';
import { nextProbeInMs, ProbeStreak } from '../../src/health/probe-streak.ts';

const RULES = { healthyAfter: 2, unhealthyAfter: 3 };

/** What each probe made of it: `+` passed, `-` failed; the word is what it is from then on. */
function streakOf(probes: string, isFailing = false, rules = RULES): string[] {
  const one = new ProbeStreak(isFailing);
  return [...probes].map((probe) => {
    if (!one.probed(probe === '+', rules)) return '';
    return one.isFailing ? 'failing' : 'passing';
  });
}

describe('a streak of probes', () => {
  it('is turned by the last of so many in a row, and by none before or after', () => {
    expect(streakOf('----')).toEqual(['', '', 'failing', '']);
    expect(streakOf('+++', true)).toEqual(['', 'passing', '']);
    expect(streakOf('--+---+-++')).toEqual(['', '', '', '', '', 'failing', '', '', '', 'passing']);
  });

  it('is turned by the first where one is enough', () => {
    const rules = { healthyAfter: 1, unhealthyAfter: 1 };
    expect(streakOf('-+', false, rules)).toEqual(['failing', 'passing']);
    expect(streakOf('+', true, rules)).toEqual(['passing']);
  });

  it('counts those that passed in a row, and none once one failed', () => {
    const one = new ProbeStreak(false);
    const counts = [...'++-+'].map((probe) => {
      one.probed(probe === '+', RULES);
      return one.passedInRow;
    });
    expect(counts).toEqual([1, 2, 0, 1]);
  });
});

it('the next probe is a tenth before or after its time', () => {
  expect([0, 0.5, 1].map((random) => nextProbeInMs(1000, random))).toEqual([900, 1000, 1100]);
});
