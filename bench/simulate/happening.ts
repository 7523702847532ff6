/** What will happen in a simulation. */
import type { PoolLedger } from '../../actors/pool/ledger/index.ts';
import type { ProbeStreak } from '../../src/health/probe-streak.ts';
import type { Agenda } from '../../src/simulation/index.ts';
import type { SimulatedRequest } from './request.ts';

export type Happening =
  | { readonly type: 'answered'; readonly request: SimulatedRequest; readonly status: number }
  /** A backend that shares its cores may be done with one of its requests. */
  | { readonly type: 'worked'; readonly index: number; readonly version: number }
  | { readonly type: 'timed_out'; readonly request: SimulatedRequest; readonly attempt: number }
  /** The client goes away, answered or not. */
  | { readonly type: 'left'; readonly request: SimulatedRequest }
  /** It has waited in the ledger for too long; unless that wait is over. */
  | { readonly type: 'tired'; readonly request: SimulatedRequest; readonly wait: number }
  /** Another worker hears that it was given something. */
  | { readonly type: 'bell'; readonly thread: number }
  /** The end of an ejection, for those who wait for it. */
  | { readonly type: 'expiry'; readonly pool: PoolLedger }
  | { readonly type: 'probe'; readonly index: number; readonly course: ProbeStreak }
  | {
      readonly type: 'probed';
      readonly index: number;
      readonly course: ProbeStreak;
      readonly status: number;
    };

export type Future = Agenda<Happening>;
