import { describe, expect, it } from 'vitest';
import { learnLatency, peakEwma } from '../../../../actors/pool/policy/peak-ewma.ts';
import { counts, expectShares, plainField, row } from './plain-field.ts';

const known = (latencyMs: number, inFlight = 0) => row({ latencyMs, inFlight });

describe('peak-ewma', () => {
  it('picks the quickest among equally busy ones', () => {
    expect(peakEwma(plainField([known(30, 2), known(10, 2), known(20, 2)]))).toBe(1);
  });

  it('weighs latency against what is in flight', () => {
    // A hundred squared, times five, against two hundred squared; and times three.
    expect(peakEwma(plainField([known(99, 4), known(199, 0)]))).toBe(1);
    expect(peakEwma(plainField([known(99, 2), known(199, 0)]))).toBe(0);
  });

  it('gives one of twice the weight twice as much at once', () => {
    expect(peakEwma(plainField([known(50, 2), row({ latencyMs: 50, inFlight: 4, weight: 2 })]))).toBe(1);
    expect(peakEwma(plainField([known(50, 1), row({ latencyMs: 50, inFlight: 4, weight: 2 })]))).toBe(0);
  });

  it('tries one that nobody knows at once, and no second time before it has answered', () => {
    const rows = [known(50, 3), row()];
    expect(peakEwma(plainField(rows))).toBe(1);
    rows[1]!.inFlight = 1;
    expect(peakEwma(plainField(rows))).toBe(0);
  });

  it('draws by weight where nothing is known of any', () => {
    const rows = [row({ weight: 1 }), row({ weight: 3 }), row({ weight: 2, open: false })];
    expectShares(counts(peakEwma, plainField(rows), 20_000), [1, 3, 0]);
  });

  it('forgives with time one that was slow', () => {
    const field = plainField([known(2000), known(167, 8)]);
    expect(peakEwma(field)).toBe(1);
    field.nowMs = 16_000;
    field.all[1]!.learntAtMs = 16_000;
    expect(peakEwma(field)).toBe(0);
  });

  it('is slow to forgive one that is silent though it has requests', () => {
    const field = plainField([known(2000, 1), known(167, 8)]);
    field.nowMs = 16_000;
    field.all[1]!.learntAtMs = 16_000;
    expect(peakEwma(field)).toBe(1);
    field.nowMs = 160_000;
    field.all[1]!.learntAtMs = 160_000;
    field.all[1]!.inFlight = 16;
    expect(peakEwma(field)).toBe(0);
  });

  it('forgets as much when the clock was set back as when it went forward', () => {
    const slow = { ...known(2000), learntAtMs: 16_000 };
    expect(peakEwma(plainField([slow, known(167, 8)]))).toBe(0);
  });
});

describe('what peak-ewma learns', () => {
  it('is a longer latency at once, and a shorter one bit by bit', () => {
    const field = plainField([row()]);
    learnLatency(field, 0, 40, false);
    expect(field.all[0]).toMatchObject({ latencyMs: 40, failing: 0 });
    field.nowMs = 100;
    learnLatency(field, 0, 300, false);
    expect(field.latencyMs(0)).toBe(300);
    field.nowMs = 1100;
    learnLatency(field, 0, 40, false);
    // e^-0.1 of 300, the rest of 40.
    expect(field.latencyMs(0)).toBeCloseTo(40 + 260 * Math.exp(-0.1), 2);
  });

  it('is nothing from how quickly a backend fails, and all from how slowly', () => {
    const field = plainField([known(50)]);
    learnLatency(field, 0, 1, true);
    expect(field.all[0]).toMatchObject({ latencyMs: 50, failing: 0.02 });
    learnLatency(field, 0, 30_000, true);
    expect(field.latencyMs(0)).toBe(30_000);
  });

  it('is fear of one that failed before it ever answered', () => {
    const field = plainField([row()]);
    learnLatency(field, 0, -1, true);
    expect(field.latencyMs(0)).toBe(1000);
  });

  it('keeps requests from a backend that fails fast', () => {
    const field = plainField([row(), row()]);
    let failed = 0;
    for (let i = 0; i < 1000; i++) {
      field.nowMs += 10;
      const picked = peakEwma(field);
      if (picked === 0) failed += 1;
      learnLatency(field, picked, picked === 0 ? 1 : 50, picked === 0);
    }
    expect(failed).toBeLessThan(10);
  });

  it('lets one failure in a hundred cost a backend a little, not everything', () => {
    const field = plainField([known(50, 3), known(50, 0)]);
    learnLatency(field, 1, 1, true);
    expect(peakEwma(field)).toBe(1);
  });
});
