/**
 * How a backend is picked: a pure function over what it may see of a pool. The same code runs over shared
 * memory, in a replay and in a simulator, so arithmetic is + − × ÷ and comparison only.
 */

/** Index of a row, or NONE. */
export type Row = number;
export const NONE: Row = -1;

/** What a policy sees of one pool on behalf of one request, and the little it may remember. */
export interface Field {
  /** Rows are 0 to rows − 1; a row may be empty, which is never open. */
  readonly rows: number;
  /** When this happens. */
  readonly nowMs: number;
  /** Of what the request is to be kept together by; 0: of nothing. */
  readonly hash: number;
  /** May be given to this request now: up, below its limit, not tried by it. */
  isOpen(row: Row): boolean;
  /** The backend's, the same in every pool and process. */
  key(row: Row): number;
  inFlight(row: Row): number;
  /** At least 1; in a pool with slow start also a part of it. */
  weight(row: Row): number;
  /** One number that the policy keeps per row; −1 until it sets it. */
  score(row: Row): number;
  setScore(row: Row, score: number): void;
  /** What was learnt of a row: its latency (−1: nothing yet), how often it fails (0 to 1), and when. */
  latencyMs(row: Row): number;
  failing(row: Row): number;
  learntAtMs(row: Row): number;
  /** Now. */
  learn(row: Row, latencyMs: number, failing: number): void;
  /** One number that the policy keeps per pool; 0 until it sets it. */
  mark(): number;
  setMark(mark: number): void;
  /**
   * The pool's chance: a whole number from 0 to bound − 1, each as likely; in a pool with slow start any number below bound. It
   * falls short of bound by more than what adding up weights in another order can come to.
   */
  below(bound: number): number;
}

/** An open row, or NONE if there is none. Without an open row it changes nothing and draws nothing. */
export type Policy = (field: Field) => Row;

/** What a policy makes of a response, or of its absence: how long the backend took, and whether it failed. */
export type Learn = (field: Field, row: Row, latencyMs: number, hasFailed: boolean) => void;
