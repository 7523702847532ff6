/** Which fields of a slot each operation fills; the others hold what an older record left there. */
import { OPERATIONS, type Operation } from './record-layout.ts';

export const FIELD = {
  /** Row, backend and epoch, which belong together. */
  row: 1,
  reference: 2,
  untilMs: 4,
  result: 8,
  limit: 16,
  weight: 32,
  tried: 64,
  /** The backend's place, used for a seed. */
  seed: 128,
} as const;

const SETTINGS = FIELD.reference | FIELD.result | FIELD.limit | FIELD.weight;

const FIELDS = {
  start: SETTINGS | FIELD.seed,
  settings: SETTINGS,
  row: FIELD.row | FIELD.reference | FIELD.untilMs | FIELD.result | FIELD.limit | FIELD.weight,
  drop: FIELD.reference,
  checkout: FIELD.row | FIELD.tried,
  enqueue: FIELD.tried,
  refuse: FIELD.tried | FIELD.result,
  grant: FIELD.row | FIELD.reference,
  checkin: FIELD.row | FIELD.reference | FIELD.result,
  leave: FIELD.reference | FIELD.result,
  quarantine: FIELD.row | FIELD.untilMs,
  expire: FIELD.row,
  reap: FIELD.reference,
} as const satisfies Record<Operation, number>;

/** By the operation's code. */
export const FIELDS_OF: readonly number[] = OPERATIONS.map((operation) => FIELDS[operation]);
