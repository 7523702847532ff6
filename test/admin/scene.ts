/** A real admin on a port of its own, over a log in memory and the desk that the router has. */
import {
  type Command,
  domainDecider,
  evolveOwner,
  type Owners,
  poolDecider,
  RoutingDesk,
  streamOf,
} from '../../actors/index.ts';
import {
  createMemoryLog,
  type EventLog,
  kindOf,
  type LocalLog,
  openJournalReader,
  type StreamName,
} from '../../eventlog/index.ts';
import { type Admin, type AdminOptions, createAdmin } from '../../src/admin/index.ts';
import { type Historian, LocalHistory, type Sources } from '../../src/history/index.ts';
import { AdminClient } from '../support/admin-client.ts';

export type Logged = {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
};

export type Listed = {
  readonly items: readonly { readonly name: string; readonly version: number }[];
  readonly next: string | null;
};

export type Scene = AsyncDisposable & {
  readonly admin: Admin;
  readonly client: AdminClient;
  readonly log: EventLog;
  readonly address: string;
  readonly port: number;
  readonly logged: readonly Logged[];
  readonly clock: { ms: number };
};

export async function scene(options: Partial<AdminOptions> = {}, log?: EventLog): Promise<Scene> {
  const clock = { ms: Date.parse('2026-01-31T14:03:00Z') };
  const now = () => clock.ms;
  const history = log ?? createMemoryLog({ now });
  const logged: Logged[] = [];
  const note = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, fields: fields as Record<string, unknown>, message });
  const admin = createAdmin({
    desk: deskOver(history),
    log: history,
    history: new LocalHistory({ sources: () => sourcesIn(history, now) }),
    actors: () => ({ actors: [] }),
    ledger: () => undefined,
    checkpoint: () => undefined,
    drained: async () => ({ type: 'drained', finished: 0, cut: 0 }),
    metrics: async () => [],
    health: () => ({ ok: true, detail: 'alive' }),
    ready: () => ({ ok: true, detail: 'ready' }),
    replace: async () => ({ replaced: [] }),
    successions: {
      directory: undefined,
      pid: undefined,
      begin: () => {
        throw new TypeError('expected to be asked for no directory');
      },
    },
    ownAddresses: () => ({ listeners: [], local: [] }),
    names: [],
    now,
    logger: { info: note('info'), warn: note('warn'), error: note('error') },
    ...options,
  });
  const address = await admin.listen('127.0.0.1:0');
  const client = new AdminClient(address, options.token === undefined ? {} : { token: options.token });
  return {
    admin,
    client,
    log: history,
    address,
    port: Number(address.split(':')[1]),
    logged,
    clock,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await admin.close();
      await history.close();
    },
  };
}

/** A pool and a domain that it serves. */
export async function withWeb(options: Partial<AdminOptions> = {}): Promise<Scene> {
  const made = await scene(options);
  await made.client.must('PUT', '/v1/pools/web', { backends: { 'web.1': { address: '127.0.0.1:9001' } } });
  await made.client.must('PUT', '/v1/domains/example.com', { pool: 'web' });
  return made;
}

/** A past that answers everything alike; to who takes lines, with these before it. */
export function answeredBy(answer: object, before: readonly object[] = []): Historian {
  return {
    ask: async () => answer as never,
    async *pour() {
      for (const said of before) yield `${JSON.stringify(said)}\n`;
      return answer as never;
    },
  };
}

function sourcesIn(log: EventLog, now: () => number): Sources {
  return {
    directory: undefined,
    damage: () => [],
    points: () => undefined,
    log: (log as LocalLog).reader,
    journal: () => openJournalReader('/nonexistent'),
    now,
  };
}

let ids = 0;

export function deskOver(log: EventLog, owners: Partial<Owners> = {}): RoutingDesk {
  return new RoutingDesk({
    log,
    owners: { ...ownersOver(log), ...owners },
    published: async () => {},
    newCommandId: () => `made-${++ids}`,
  });
}

/** Owners without memory: each is its fold, so nothing here can differ from the log. */
function ownersOver(log: EventLog): Owners {
  const fold = async (stream: StreamName) => {
    let state: unknown = null;
    let version = 0;
    for (const event of await log.readStream(stream, { limit: 10_000 })) {
      state = evolveOwner(stream, state, event);
      version = event.version;
    }
    return { state, version };
  };
  const decide = async (stream: StreamName, command: Command) => {
    const { state, version } = await fold(stream);
    const decider = (kindOf(stream) === 'domain' ? domainDecider : poolDecider) as typeof poolDecider;
    const decision = decider.decide(command as never, state as never);
    return { decision, state, version };
  };
  return {
    decide,
    decideAll: (commands) => Promise.all(commands.map((command) => decide(streamOf(command), command))),
    isAwake: () => true,
    bringUpTo: async () => {},
    state: fold,
    rebuild: () => {},
  };
}
