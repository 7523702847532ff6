/** The whole tree of actors over a log in memory, without sockets: what is published is kept in a list. */
import {
  ArmedChaos,
  type Clock,
  createArena,
  type MainLedger,
  type SupervisionEvent,
  System,
  systemClock,
} from '../../actors/index.ts';
import {
  createMemoryLog,
  type EventLog,
  parseBackendId,
  parseDomainName,
  parsePoolName,
  type Recorded,
} from '../../eventlog/index.ts';

export type Scene = {
  readonly system: System;
  readonly chaos: ArmedChaos;
  readonly ledger: MainLedger;
  readonly published: Recorded[][];
  readonly happened: SupervisionEvent[];
  readonly failures: unknown[];
};

/** With a clock that stands still whoever is parked stays so. */
export async function startSystem(
  openLog: () => EventLog | Promise<EventLog> = memory(),
  clock: Clock = systemClock,
): Promise<Scene> {
  const chaos = new ArmedChaos();
  const ledger = createArena({ threads: 4, ring() {}, record: false });
  const published: Recorded[][] = [];
  const happened: SupervisionEvent[] = [];
  const failures: unknown[] = [];
  const system = new System({
    openLog,
    publish: ({ events }) => void published.push([...events]),
    ledger,
    clock,
    random: Math.random,
    chaos,
    outside: () => [],
    prepare: async () => {},
    observe: (event) => void happened.push(event),
    failed: (error) => void failures.push(error),
  });
  await system.start();
  return { system, chaos, ledger, published, happened, failures };
}

function memory(): () => EventLog {
  const log = createMemoryLog({ now: Date.now });
  return () => log;
}

export function domain(text: string) {
  return known(parseDomainName(text));
}

export function pool(text: string) {
  return known(parsePoolName(text));
}

export function backend(text: string) {
  return known(parseBackendId(text));
}

function known<T>(parsed: { ok: true; value: T } | { ok: false; problem: string }): T {
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}
