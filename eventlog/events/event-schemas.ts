/** The data of each event, in its newest shape: settings are sparse, and unknown keys are refused. */
import { z } from 'zod';
import { backendId, backendSettings, domainSettings, poolSettings } from '../settings/settings.ts';
import type { EventType } from './events.ts';

const epochMs = z.int().min(0);
const count = z.int().min(0);
// A host, a hash sign, and the name or number of an entry of its routes.
const route = z.string().max(500);
const nothing = z.strictObject({});
const ofPool = z.strictObject({ settings: sparse(poolSettings) });
const ofDomain = z.strictObject({ settings: sparse(domainSettings, ['pool']) });
const ofBackend = z.strictObject({ id: backendId, backend: sparse(backendSettings, ['address']) });

export const EVENT_SCHEMAS = {
  DomainCreated: ofDomain,
  DomainChanged: ofDomain,
  DomainRemoved: nothing,
  PoolCreated: ofPool,
  PoolChanged: ofPool,
  PoolRemoved: nothing,
  BackendAdded: ofBackend,
  BackendChanged: ofBackend,
  BackendRemoved: z.strictObject({ id: backendId }),
  BackendDrainStarted: z.strictObject({ id: backendId, untilMs: epochMs }),
  BackendDrained: z.strictObject({ id: backendId, finished: count, cut: count }),
  CapacityWanted: z.strictObject({
    cause: z.enum(['saturated', 'none_up', 'no_backends']),
    forMs: count,
    waiting: count,
    refused: count,
    inFlight: count,
    limit: count.nullable(),
    backends: count,
    up: count,
    starting: count,
  }),
  BackendQuarantined: z.strictObject({
    id: backendId,
    cause: z.enum(['connect_refused', 'connect_timeout', 'connect_failed']),
    untilMs: epochMs,
  }),
  BackendHealthChanged: z.strictObject({
    id: backendId,
    ejections: z.array(z.strictObject({ route, untilMs: epochMs, level: z.int().min(1) })),
    probes: z.enum(['passing', 'failing']),
    withheld: z.array(route),
  }),
  BackendStarted: z.strictObject({ id: backendId }),
} as const satisfies Record<EventType, z.ZodType>;

/** The same settings without defaults; all optional except those in `required`. */
function sparse(settings: z.ZodObject, required: readonly string[] = []): z.ZodObject {
  const shape: Record<string, z.ZodType> = {};
  for (const [key, value] of Object.entries(settings.shape)) {
    const bare = withoutDefault(value as z.ZodType);
    const given = bare instanceof z.ZodObject ? sparse(bare) : bare;
    shape[key] = required.includes(key) ? given : given.optional();
  }
  return z.strictObject(shape);
}

function withoutDefault(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return withoutDefault(schema.def.innerType as z.ZodType);
  }
  return schema;
}
