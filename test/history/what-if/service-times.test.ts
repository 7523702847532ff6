import { expect, it } from 'vitest';
import type { LeaseEnd } from '../../../actors/index.ts';
import { Ask } from '../../../src/history/what-if/ask.ts';
import { ServiceTimes } from '../../../src/history/what-if/service-times.ts';
import { Visit } from '../../../src/history/what-if/visit.ts';

const [ONE, OTHER] = [1, 2];
const host = { lent() {}, refused() {} };

/** It was lent a backend at once, and gave it back so. */
function served(atMs: number, backendKey: number, heldMs: number, end: LeaseEnd): Ask {
  const place = (ms: number) => ({ atMs: ms, ticket: ms, nowMs: ms });
  const ask = new Ask(place(atMs), { thread: 1, tried: [], hash: 0, route: 0, wanted: 0 });
  ask.lent = { place: place(atMs), backendKey };
  ask.back = { place: place(atMs + heldMs), end, latencyMs: -1 };
  return ask;
}

const assumed = (recorded: Ask, end: LeaseEnd) =>
  new ServiceTimes([served(0, OTHER, 30, end), recorded]).assumed(new Visit(host, recorded, 1).own, OTHER, 1);

it('a request takes elsewhere as long as it took, and one that used nothing as long as the one next to it', () => {
  expect(assumed(served(1, ONE, 50, 'finished'), 'finished')).toEqual({ heldMs: 50, end: 'finished' });
  expect(assumed(served(1, ONE, 50, 'client_gone'), 'finished')).toEqual({ heldMs: 50, end: 'client_gone' });
  expect(assumed(served(1, ONE, 0, 'unused'), 'finished')).toEqual({ heldMs: 30, end: 'finished' });
  expect(assumed(served(1, ONE, 50, 'finished'), 'timed_out')).toEqual({ heldMs: 30, end: 'timed_out' });
});

it('a request that failed takes as long at a backend of which nothing is recorded as the one next to it that was served', () => {
  const failed = served(5, ONE, 0, 'connect_failed');
  const services = new ServiceTimes([
    served(0, OTHER, 30, 'finished'),
    served(4, ONE, 0, 'connect_failed'),
    failed,
  ]);
  const { own } = new Visit(host, failed, 5);
  expect(services.assumed(own, 3, 5)).toEqual({ heldMs: 30, end: 'finished' });
  expect(services.assumed(own, ONE, 5)).toEqual({ heldMs: 0, end: 'connect_failed' });
});
