/** Points of the past as people name them. */
import { describe, expect, it } from 'vitest';
import { parseMoment } from '../../eventlog/index.ts';

describe('parseMoment', () => {
  it.each([
    ['0', { type: 'position', position: 0 }],
    ['2028-02-29T23:59:59Z', { type: 'time', ms: Date.UTC(2028, 1, 29, 23, 59, 59) }],
    ['2026-01-31t14:03:00.25z', { type: 'time', ms: Date.UTC(2026, 0, 31, 14, 3, 0, 250) }],
    ['2026-03-01T00:30:00+01:00', { type: 'time', ms: Date.UTC(2026, 1, 28, 23, 30) }],
    // As `+` arrives in a query.
    ['2026-03-01T00:30:00 01:00', { type: 'time', ms: Date.UTC(2026, 1, 28, 23, 30) }],
  ])('reads %s', (text, value) => {
    expect(parseMoment(text)).toEqual({ ok: true, value });
  });

  it.each([
    '2026-02-29T00:00:00Z',
    '2026-02-30T00:00:00+01:00',
    '2026-04-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T23:60:00Z',
    '2026-01-31T23:00:00+24:00',
  ])('refuses %s, which is no moment', (text) => {
    expect(parseMoment(text)).toEqual({
      ok: false,
      problem: `expected a date and a time that exist, found "${text}"`,
    });
  });

  it('refuses what is neither', () => {
    const problem = 'expected a position or a time such as 2026-01-31T14:03:00Z, found "yesterday"';
    expect(parseMoment('yesterday')).toEqual({ ok: false, problem });
  });
});
