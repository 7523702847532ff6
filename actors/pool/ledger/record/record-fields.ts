/** Which fields of a slot each operation fills; the others keep what an older record left there. */
import { OP, OPERATIONS, type Operation } from './record-layout.ts';

export const FIELD = {
  /** Row, backend and epoch, which go together. */
  row: 1,
  reference: 2,
  untilMs: 4,
  result: 8,
  limit: 16,
  weight: 32,
  tried: 64,
  /** The place of `backendKey`, used for a seed. */
  seed: 128,
  hash: 256,
  latencyMs: 512,
  route: 1024,
  wanted: 2048,
} as const;

const ASKED = FIELD.tried | FIELD.hash | FIELD.route | FIELD.wanted;
const SETTINGS = FIELD.reference | FIELD.result | FIELD.limit | FIELD.weight;

const FIELDS = {
  start: SETTINGS | FIELD.seed,
  settings: SETTINGS,
  row: FIELD.row | FIELD.reference | FIELD.untilMs | FIELD.result | FIELD.limit | FIELD.weight,
  drop: FIELD.reference,
  checkout: FIELD.row | ASKED,
  enqueue: ASKED,
  refuse: FIELD.result | ASKED,
  grant: FIELD.row | FIELD.reference,
  checkin: FIELD.row | FIELD.reference | FIELD.result | FIELD.latencyMs | FIELD.route,
  leave: FIELD.reference | FIELD.result,
  quarantine: FIELD.row | FIELD.untilMs,
  expire: FIELD.row,
  reap: FIELD.reference,
  health: FIELD.reference | FIELD.untilMs | FIELD.result | FIELD.limit | FIELD.weight,
  eject: FIELD.row | FIELD.untilMs | FIELD.result | FIELD.route,
  withhold: FIELD.row | FIELD.route,
  trial: FIELD.row | FIELD.route,
  release: FIELD.row | FIELD.route,
  probe: FIELD.row | FIELD.result,
} as const satisfies Record<Operation, number>;

/** By the code of the operation. */
export const FIELDS_OF: readonly number[] = OPERATIONS.map((operation) => FIELDS[operation]);

/**
 * What stands for a hash or a latency that was not given. Most are not, so packed records that have one get codes of their
 * own.
 */
export const NO_HASH = 0;
export const NO_LATENCY = -1;
/** Stands for a home that was not given; one that was given is packed before its record. */
export const NOT_WANTED = 0;
const WITH_MORE = [OP.checkout, OP.enqueue, OP.refuse, OP.checkin] as const;
// Counted down from the code below that of a thread, so that operations may still be added.
const LAST_CODE = 0x1e;
const FIRST_WITH_MORE = LAST_CODE + 1 - WITH_MORE.length;

/** The packed code of an operation that has a hash or a latency. */
export function codeWithMore(operation: number): number {
  return LAST_CODE - (WITH_MORE as readonly number[]).indexOf(operation);
}

export function hasMore(code: number): boolean {
  return code >= FIRST_WITH_MORE && code <= LAST_CODE;
}

export function operationOf(code: number): number {
  return hasMore(code) ? WITH_MORE[LAST_CODE - code]! : code;
}
