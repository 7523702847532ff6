/** The parts of the admin API's answers that the command line relies on; others may be present and are passed on. */
import { z } from 'zod';

export const receipt = z.looseObject({ version: z.int(), position: z.int(), changed: z.int() });
export type Receipt = z.output<typeof receipt>;

export const drainReport = z.looseObject({ drained: z.boolean(), finished: z.int(), cut: z.int() });

const item = z.looseObject({ name: z.string(), version: z.int() });
export type Item = z.output<typeof item>;

export const page = z.looseObject({ items: z.array(item), next: z.string().nullable() });

export const settings = z.looseObject({});
export type Settings = z.output<typeof settings>;

export const nothing = z.undefined();

const problem = z.looseObject({
  path: z.string(),
  expected: z.string(),
  found: z.string(),
  nearest: z.string().exactOptional(),
});
const winner = z.looseObject({
  position: z.int(),
  type: z.string(),
  metadata: z.looseObject({ author: z.string() }),
});

/** RFC 9457. */
export const problemReply = z.looseObject({
  type: z.string(),
  detail: z.string(),
  problems: z.array(problem).optional(),
  won: z.array(winner).optional(),
});

/** The result of one chunk of an import: carried out, or refused with the number of a line. */
export const imported = z.looseObject({
  from: z.int(),
  to: z.int(),
  changed: z.int().optional(),
  position: z.int().optional(),
  line: z.int().optional(),
  detail: z.string().optional(),
  problems: z.array(problem).readonly().optional(),
});
export type Imported = z.output<typeof imported>;

export const ledger = z.looseObject({
  waiting: z.int(),
  backends: z.record(
    z.string(),
    z.looseObject({
      inFlight: z.int(),
      /** The limit in force: the backend's own, or the pool's. */
      limit: z.int().nullable(),
      /** Absent for a pool that has not been used yet. */
      state: z.string().optional(),
      untilMs: z.number().optional(),
      quarantine: z.looseObject({ cause: z.string() }).optional(),
      ejections: z.array(z.looseObject({ route: z.string(), untilMs: z.number() })).optional(),
    }),
  ),
});
export type Ledger = z.output<typeof ledger>;
export type LiveBackend = Ledger['backends'][string];

const drainedList = z.array(
  z.looseObject({ pool: z.string(), backend: z.string(), finished: z.int(), cut: z.int() }),
);
/** For a pool that was removed, if the response waited for its backends. */
export const drainedPool = z.looseObject({ drained: drainedList });

export function drainedLines(drained: z.output<typeof drainedList> = []): string[] {
  return drained.map(
    ({ pool, backend, finished, cut }) =>
      `backend ${pool}/${backend} is drained: ${finished} finished, ${cut} cut`,
  );
}

export const applied = z.looseObject({
  dryRun: z.boolean(),
  position: z.int(),
  /** Absent if the response repeats an earlier one. */
  changes: z.array(z.unknown()).optional(),
  refused: z.looseObject({ detail: z.string() }).nullish(),
  confirm: z.looseObject({ id: z.string(), untilMs: z.number() }).nullish(),
  /** The removed backends, if the response waited for them. */
  drained: drainedList.optional(),
});
export type Applied = z.output<typeof applied>;

/** A line of a difference. */
export const differenceEntry = z.union([
  z.looseObject({ from: z.int(), to: z.int() }),
  z.looseObject({
    kind: z.enum(['pool', 'backend', 'domain']),
    name: z.string(),
    fields: z.array(z.unknown()),
  }),
]);

export const rolledBack = z.looseObject({
  /** For a rollback to a moment. */
  to: z.int().optional(),
  /** For the undoing of one change: its first and last position. */
  change: z.looseObject({ from: z.int(), to: z.int() }).optional(),
  position: z.int(),
  /** Absent if the response repeats an earlier one. */
  changes: z.array(z.unknown()).optional(),
  /** How many there are besides these: too many to make at once. */
  more: z.int().optional(),
  /** The parts of the change that stay, and why. */
  left: z.array(z.string()).optional(),
  drained: drainedList.optional(),
  refused: z.looseObject({ detail: z.string() }).nullish(),
});
export type RolledBack = z.output<typeof rolledBack>;

/** Replaces an event that is damaged, or whose type is unknown to this version. */
export const unreadable = z.looseObject({
  type: z.literal('EventUnreadable'),
  position: z.int(),
  problem: z.string(),
});

/** Replaces events that an archive removed before they were read. */
export const archivedEvents = z.looseObject({
  type: z.literal('EventsArchived'),
  from: z.int(),
  position: z.int(),
});

export const event = z.looseObject({
  position: z.int(),
  recordedAtMs: z.int(),
  stream: z.string(),
  version: z.int(),
  type: z.string(),
  data: z.record(z.string(), z.unknown()).optional(),
  metadata: z.looseObject({ author: z.string() }),
});

export const state = z.looseObject({
  position: z.int(),
  pools: z.unknown(),
  domains: z.unknown(),
  notes: z.array(z.unknown()).optional(),
});

/** A line of a state. */
export const stateEntry = z.union([
  z.looseObject({ position: z.int() }),
  z.looseObject({ pool: z.string(), settings: z.looseObject({}) }),
  z.looseObject({ domain: z.string(), settings: z.looseObject({}) }),
  z.looseObject({ note: z.looseObject({ unreadable: z.string().optional() }) }),
]);

const actor = z.looseObject({
  id: z.string(),
  kind: z.string(),
  state: z.string(),
  restarts: z.int(),
  sinceMs: z.number(),
  lastError: z.looseObject({ message: z.string() }).optional(),
  parent: z.string().optional(),
});
export type Actor = z.output<typeof actor>;
export const actorPage = z.looseObject({ items: z.array(actor), next: z.string().nullable() });

export const replaced = z.looseObject({
  replaced: z.array(
    z.looseObject({
      worker: z.int(),
      readyInMs: z.number(),
      connections: z.int(),
      lost: z.int().nullable(),
      /** Only if they were waited for. */
      cut: z.int().optional(),
    }),
  ),
});

const finding = z.looseObject({
  type: z.string(),
  position: z.int(),
  stream: z.string(),
  expected: z.string(),
  found: z.string(),
});
export const verification = z.looseObject({
  ok: z.boolean(),
  events: z.int().optional(),
  findings: z.array(finding).optional(),
  cut: z.boolean().optional(),
  firstBad: z.int().optional(),
  journal: z.looseObject({ damaged: z.array(z.string()).optional() }).optional(),
  repaired: z
    .looseObject({
      type: z.string(),
      after: z.int().optional(),
      last: z.int().optional(),
      because: z.string().optional(),
      kept: z.string().optional(),
    })
    .optional(),
});
export type Verified = z.output<typeof verification>;

export const trials = z.looseObject({
  items: z.array(z.looseObject({ id: z.string(), untilMs: z.number(), before: z.int() })),
});

export const exported = z.looseObject({ from: z.int(), to: z.int(), events: z.int(), segments: z.int() });

export const archived = z.looseObject({ from: z.int(), to: z.int(), events: z.int(), file: z.string() });

export const anything = z.unknown();
