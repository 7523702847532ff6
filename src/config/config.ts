/** The whole configuration as one value: parsed once, checked as a whole, frozen, and passed on in parts. */
import { networkInterfaces } from 'node:os';
import { z } from 'zod';
import { isLoopback, parseHostPort } from './host-port.ts';
import { parted } from './plain-routing.ts';
import { type Checked, type Path, type Problem, renderPath } from './problem.ts';
import { type ListenerSettings, type ProcessSettings, processShape } from './process.ts';
import type { Routing } from './routing.ts';
import { checkRouting, parseBy, routingShape } from './routing-schema.ts';

export const configSchema = z
  .strictObject({
    $schema: z.string().optional().describe('path of this schema, for editors; ignored'),
    ...processShape,
    ...routingShape,
  })
  .meta({ title: 'switchyard configuration' });

export type Config = ProcessSettings & {
  /** The desired routing; null if the file names neither pools nor domains. */
  readonly routing: Routing | null;
};

/** Flags that override the file; undefined keeps the file's value. */
export type Overrides = {
  /** In order: each replaces the address of the listener at the same place in the file and keeps its other settings. */
  readonly listen?: readonly string[] | undefined;
  readonly admin?: string | undefined;
  readonly adminToken?: string | undefined;
  readonly data?: string | undefined;
  /** Whether the access log, if enabled, is JSON. */
  readonly json?: boolean;
};

/** `local`: the addresses of this machine's interfaces. */
export function parseConfig(
  raw: unknown,
  overrides: Overrides = {},
  local: readonly string[] = localAddresses(),
): Checked<Config> {
  const { plain, rest } = parted(raw);
  const parsed = parseBy(configSchema, rest);
  if (!parsed.ok) return parsed;
  const { $schema: _ignored, pools, domains, ...settings } = parsed.value;
  const process = overridden(settings, overrides);
  const listeners = [...process.listeners.map((listener) => listener.address), process.admin.address];
  const routing = checkRouting({ pools, domains }, plain, { listeners, local }, raw);
  const problems = [...processProblems(process), ...(routing.ok ? [] : routing.problems)];
  if (problems.length > 0 || !routing.ok) return { ok: false, problems };
  const silent = pools === undefined && domains === undefined;
  return { ok: true, value: deepFrozen({ ...process, routing: silent ? null : routing.value }) };
}

/** Only the routing of a whole configuration, null if it has none: what `apply` needs of a file. */
export function parseDesired(raw: unknown): Checked<Routing | null> {
  const { plain, rest } = parted(raw);
  const parsed = parseBy(configSchema, rest);
  if (!parsed.ok) return parsed;
  const { pools, domains } = parsed.value;
  if (pools === undefined && domains === undefined) return { ok: true, value: null };
  // Only the router knows which addresses are its own: the file may be for another process.
  return checkRouting({ pools, domains }, plain, { listeners: [], local: [] }, raw);
}

function overridden(settings: ProcessSettings, overrides: Overrides): ProcessSettings {
  const { listen, admin, adminToken, data, json = false } = overrides;
  return {
    ...settings,
    listeners: listen === undefined ? settings.listeners : relocated(settings.listeners, listen),
    admin: {
      ...settings.admin,
      ...(admin === undefined ? {} : { address: admin }),
      ...(adminToken === undefined ? {} : { token: adminToken }),
    },
    data: data ?? settings.data,
    accessLog: json && settings.accessLog !== false ? 'json' : settings.accessLog,
  };
}

const DEFAULT_LISTENER = processShape.listeners.parse(undefined)[0]!;

function relocated(listeners: readonly ListenerSettings[], listen: readonly string[]): ListenerSettings[] {
  return listen.map((address, place) => ({ ...(listeners[place] ?? DEFAULT_LISTENER), address }));
}

function processProblems(process: ProcessSettings): Problem[] {
  const problems: Problem[] = [];
  const { address, token } = process.admin;
  if (token === undefined && !isLoopback(parseHostPort(address)?.host ?? '')) {
    problems.push({
      path: 'admin.token',
      expected: 'a token, since the admin address is not on loopback',
      found: `${address} without one`,
    });
  }
  const places: { readonly path: Path; readonly address: string }[] = process.listeners.map(
    (listener, place) => ({
      path: ['listeners', place, 'address'],
      address: listener.address,
    }),
  );
  places.push({ path: ['admin', 'address'], address });
  return [...problems, ...sharedAddresses(places)];
}

function sharedAddresses(places: readonly { readonly path: Path; readonly address: string }[]): Problem[] {
  const problems: Problem[] = [];
  const taken = new Map<string, Path>();
  for (const { path, address } of places) {
    const at = parseHostPort(address);
    // Port 0 is a different port each time.
    if (at === undefined || at.port === 0) continue;
    const key = `${at.host} ${at.port}`;
    const other = taken.get(key);
    if (other === undefined) taken.set(key, path);
    else {
      const found = `${address}, which ${renderPath(other)} has already`;
      problems.push({ path: renderPath(path), expected: 'an address of its own', found });
    }
  }
  return problems;
}

export function localAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((one) => one.address));
}

/** Maps are readonly by type; their values are frozen like the rest. */
function deepFrozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of value instanceof Map ? value.values() : Object.values(value)) deepFrozen(inner);
  return Object.freeze(value);
}
