/**
 * How a backend is picked: a pure function over what it may see of a pool. The same code runs over shared memory, in a
 * replay and in a simulator, so its arithmetic is only + − × ÷ and comparison.
 */

/** Index of a row, or NONE. */
export type Row = number;
export const NONE: Row = -1;

/** What a policy sees of one pool for one request, and the little it may remember. */
export interface Field {
  /** Rows are 0 to rows − 1. A row may be empty; then it is never open. */
  readonly rows: number;
  /** The time of the pick or the check-in. */
  readonly nowMs: number;
  /** The hash that keeps requests together; 0: none. */
  readonly hash: number;
  /** Whether it may be given to this request now: up, below its limit, and not tried. */
  isOpen(row: Row): boolean;
  /** The backend's key, the same in every process. */
  key(row: Row): number;
  inFlight(row: Row): number;
  /** A number from 1; fractions of it in a pool with slow start. */
  weight(row: Row): number;
  /** One number that the policy keeps per row; −1 until it sets it. */
  score(row: Row): number;
  setScore(row: Row, score: number): void;
  /** What was learnt of a row: its latency (−1: nothing yet), how often it fails (0 to 1), and when. */
  latencyMs(row: Row): number;
  failing(row: Row): number;
  learntAtMs(row: Row): number;
  /** Stores what was learnt, as of now. */
  learn(row: Row, latencyMs: number, failing: number): void;
  /** One number that the policy keeps per pool; 0 until it sets it. */
  mark(): number;
  setMark(mark: number): void;
  /**
   * The pool's next random number: whole, from 0 to bound − 1, evenly distributed; in a pool with slow start any number
   * below bound. It is below bound by more than the rounding error of adding up the weights in another order.
   */
  below(bound: number): number;
}

/** Returns an open row, or NONE if there is none; then it changes nothing and draws nothing. */
export type Policy = (field: Field) => Row;

/** What a policy learns from a response or its absence: how long the backend took, and whether it failed. */
export type Learn = (field: Field, row: Row, latencyMs: number, hasFailed: boolean) => void;
