/**
 * Turns old shapes of events into new ones. The schema version of an event type is 1 plus the number of its steps
 * here; step n makes data of version n + 1 from data of version n. Steps are pure, total and never changed once
 * released.
 */
import type { EventType } from './events.ts';

export type Data = { readonly [key: string]: unknown };
export type Step = (data: Data) => Data;
export type Steps = { readonly [type in EventType]?: readonly Step[] };

export type Upcaster = {
  /** The schema version that events of this type are written with. */
  newest(type: EventType): number;
  /** Turns data of an older version into the newest shape. */
  upcast(type: EventType, schemaVersion: number, data: Data): Data;
};

/** None yet: every event is in its first shape. */
const STEPS: Steps = {};

export function upcasterOf(steps: Steps): Upcaster {
  return {
    newest: (type) => 1 + (steps[type]?.length ?? 0),
    upcast: (type, schemaVersion, data) =>
      (steps[type] ?? []).slice(schemaVersion - 1).reduce((shape, step) => step(shape), data),
  };
}

export const upcaster: Upcaster = upcasterOf(STEPS);
