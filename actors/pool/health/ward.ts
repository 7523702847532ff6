/**
 * The health of one pool's backends, as the judging code may read and change it. Each backend has a few *units*: the first
 * stands for the backend as a whole, each of the others for one route on it. The same code runs over shared memory and in a
 * replay.
 *
 *   sound ── too many failures ──▶ ejected ── its time is over ──▶ ready ── one request ──▶ trying
 *     ▲                              ▲                               ▲                        │
 *     ╰──────── answered ────────────┼──────── nothing learnt ───────┴────────────────────────┤
 *                                    ╰──────── failed: twice as long ─────────────────────────╯
 */
import type { Row } from '../policy/policy.ts';

/** Four routes that fail on one backend at a time; the failures of a fifth count against the backend. */
export const UNITS = 5;

/** The numbers of a unit, by their place in shared memory: the first four are doubles of two words. */
export const UNIT = {
  /** The route; 0: the backend as a whole, or none. */
  key: 0,
  /** End of the current or the last ejection. */
  untilMs: 2,
  /** Ticket of the trial's lease; in a sound unit: leases up to this one say nothing. */
  ticket: 4,
  startedAtMs: 6,
  failed: 8,
  total: 9,
  failedBefore: 10,
  totalBefore: 11,
  state: 12,
  /** Ejections in a row. */
  level: 13,
  /** The thread that holds the trial's lease. */
  thread: 14,
  words: 16,
} as const;
export type UnitField = Exclude<(typeof UNIT)[keyof typeof UNIT], 16>;

export const STATE = { sound: 0, ejected: 1, ready: 2, trying: 3 } as const;
export type UnitState = (typeof STATE)[keyof typeof STATE];

export interface Ward {
  readonly rows: number;
  readonly nowMs: number;
  /** Failures within the window that make an outlier; 0: nobody is judged. */
  readonly failures: number;
  readonly windowMs: number;
  readonly maxEjectedPercent: number;
  /** How long the first ejection lasts. */
  readonly quarantineMs: number;
  /** False: the row is empty, whatever its fields say. */
  isThere(row: Row): boolean;
  /** Serves requests as far as its operator decides: not removed, draining or starting. */
  isMember(row: Row): boolean;
  get(row: Row, unit: number, field: UnitField): number;
  set(row: Row, unit: number, field: UnitField, value: number): void;
  setState(row: Row, unit: number, state: UnitState): void;
}

/** Nothing is kept for this route in this row. */
export const NO_UNIT = -1;

export function unitOf(ward: Ward, row: Row, route: number): number {
  if (route === 0) return 0;
  for (let unit = 1; unit < UNITS; unit++) if (ward.get(row, unit, UNIT.key) === route) return unit;
  return NO_UNIT;
}

export function isOut(ward: Ward, row: Row, unit: number): boolean {
  return unit !== NO_UNIT && ward.get(row, unit, UNIT.state) !== STATE.sound;
}

/** Whether a unit in this state is closed to requests. */
export function isClosing(state: number): boolean {
  return state === STATE.ejected || state === STATE.trying;
}
