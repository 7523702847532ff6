/**
 * Fleets in which something breaks, as published by palantir/dialogue (its simulation's report). Requests come at even
 * intervals; a backend near its capacity answers more slowly, and five times as slowly above it.
 */
import type { Answer, Backend, Scenario, Served } from './scenario.ts';

const OK = 200;
const ERROR = 500;
const UNAVAILABLE = 503;
const CAPACITY = 60;
const OVERLOADED = 5;
const NEVER = Number.POSITIVE_INFINITY;

type Behaviour = (busy: number, request: Served) => Answer;

const steady =
  (afterMs: number, status = OK): Behaviour =>
  () => ({ status, afterMs });

const loaded =
  (bestMs: number, status = OK): Behaviour =>
  (busy) => ({
    status,
    afterMs: busy > CAPACITY ? OVERLOADED * bestMs : bestMs + (bestMs * busy) / CAPACITY,
  });

/** Behaves so until the next begins: [behaviour, until, behaviour, until, behaviour]. */
function backend(id: string, ...phases: readonly (Behaviour | number)[]): Backend {
  return {
    id,
    answer(request, nowMs, busy) {
      let i = 0;
      while (i + 1 < phases.length && nowMs >= (phases[i + 1] as number)) i += 2;
      return (phases[i] as Behaviour)(busy, request);
    },
  };
}

function fleet(perSecond: number, seconds: number, backends: readonly Backend[]) {
  return {
    requests: perSecond * seconds,
    nextArrivalMs: () => 1000 / perSecond,
    workMs: () => 0,
    backends,
    limit: 0,
    seed: 1,
  };
}

export type FaultyFleet =
  | 'black_hole'
  | 'one_endpoint_dies_on_each_server'
  | 'all_nodes_500'
  | 'drastic_slowdown'
  | 'live_reloading'
  | 'one_big_spike'
  | 'fast_503s_then_revert'
  | 'slow_503s_then_revert';

const only =
  (endpoint: number, then: Behaviour, otherwise: Behaviour): Behaviour =>
  (busy, request) =>
    request.endpoint === endpoint ? then(busy, request) : otherwise(busy, request);

export const FAULTY_FLEETS: Readonly<Record<FaultyFleet, Omit<Scenario, 'policy'>>> = {
  black_hole: fleet(200, 10, [
    backend('node.1', steady(600)),
    backend('node.2', steady(600), 3000, steady(NEVER)),
  ]),
  one_endpoint_dies_on_each_server: {
    ...fleet(250, 10, [
      backend('node.1', steady(600), 3000, only(0, steady(600, ERROR), steady(600))),
      backend('node.2', steady(600), 3000, only(1, steady(600, ERROR), steady(600))),
    ]),
    endpoints: 2,
  },
  all_nodes_500: fleet(100, 20, [
    backend('node.1', steady(600, ERROR), 10_000, steady(600)),
    backend('node.2', steady(600, ERROR), 10_000, steady(600)),
  ]),
  drastic_slowdown: fleet(200, 20, [
    backend('node.1', loaded(60)),
    backend('node.2', loaded(60), 3000, loaded(10_000), 10_000, loaded(60)),
  ]),
  live_reloading: fleet(250, 10, [
    backend('always_on', loaded(600)),
    backend('always_broken', loaded(600, ERROR)),
    { ...backend('added_halfway', loaded(600)), addedAtMs: 5000 },
  ]),
  one_big_spike: {
    ...fleet(1000, 1, [backend('node.1', steady(150)), backend('node.2', steady(150))]),
    limit: 100,
  },
  fast_503s_then_revert: fleet(250, 15, [
    backend('node.1', loaded(60)),
    backend('node.2', loaded(60), 3000, loaded(10, UNAVAILABLE), 10_000, loaded(60)),
  ]),
  slow_503s_then_revert: fleet(200, 15, [
    backend('node.1', loaded(60)),
    backend('node.2', loaded(60), 3000, loaded(1000, UNAVAILABLE), 10_000, loaded(60)),
  ]),
};
