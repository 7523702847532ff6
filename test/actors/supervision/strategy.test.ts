import { describe, expect, it } from 'vitest';
import { crashed, NORMAL, type Restart } from '../../../actors/supervision/child-spec.ts';
import { planAfter } from '../../../actors/supervision/strategy.ts';

const CRASH = crashed(new Error('a bug'));
const four: readonly Restart[] = ['permanent', 'permanent', 'permanent', 'permanent'];

describe('who shares the fate of a child that crashed', () => {
  it('is nobody under one_for_one', () => {
    expect(planAfter('one_for_one', four, 1, CRASH)).toEqual({ type: 'restart', stop: [], start: [1] });
  });

  it('is everybody under one_for_all, stopped in reverse and started in order', () => {
    expect(planAfter('one_for_all', four, 1, CRASH)).toEqual({
      type: 'restart',
      stop: [3, 2, 0],
      start: [0, 1, 2, 3],
    });
  });

  it('is who was started after it under rest_for_one', () => {
    expect(planAfter('rest_for_one', four, 1, CRASH)).toEqual({
      type: 'restart',
      stop: [3, 2],
      start: [1, 2, 3],
    });
  });

  it('is nobody under rest_for_one when it was started last', () => {
    expect(planAfter('rest_for_one', four, 3, CRASH)).toEqual({ type: 'restart', stop: [], start: [3] });
  });

  it('includes a temporary sibling, which is stopped and not started again', () => {
    expect(planAfter('one_for_all', ['temporary', 'permanent'], 1, CRASH)).toEqual({
      type: 'restart',
      stop: [0],
      start: [1],
    });
  });
});

describe('who is started again', () => {
  it.each([
    ['permanent', 'normal', 'restart'],
    ['permanent', 'crashed', 'restart'],
    ['transient', 'normal', 'leave'],
    ['transient', 'crashed', 'restart'],
    ['temporary', 'normal', 'leave'],
    ['temporary', 'crashed', 'leave'],
  ] as const)('a %s child that ended (%s): %s', (restart, end, plan) => {
    const ended = end === 'normal' ? NORMAL : CRASH;
    expect(planAfter('one_for_all', [restart, 'permanent'], 0, ended).type).toBe(plan);
  });
});
