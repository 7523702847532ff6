/**
 * A whole router in this process: the log, the supervision tree over it, the workers, and the admin. `serve` runs
 * one until a signal comes; tests and programs start and stop as many as they like.
 */
import { createServer } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  ArmedChaos,
  type CrashPoint,
  createArena,
  keyOf,
  type MainLedger,
  type Plan,
  type PoolState,
  type SupervisionEvent,
  System,
  systemClock,
} from '../actors/index.ts';
import {
  type BackendId,
  ByteWriter,
  type EventLog,
  type LocalLog,
  openSqliteLog,
  POINT_EVERY,
  type PoolName,
  parsePoolName,
  type StreamName,
} from '../eventlog/index.ts';
import { commandsOf } from './admin/commands-of.ts';
import { type Admin, Confirmations, createAdmin, type LedgerFigures } from './admin/index.ts';
import { planFor } from './admin/plan.ts';
import {
  type Config,
  difference,
  EMPTY_ROUTING,
  type ListenerSettings,
  localAddresses,
  parseHostPort,
  type Routing,
  renderHostPort,
} from './config/index.ts';
import { Prober } from './health/index.ts';
import { type ArchiveOptions, archiveLog, HistoryThread } from './history/index.ts';
import { pseudonymOf, secretOf } from './identity.ts';
import { projectionOf } from './projection.ts';
import { healthFamilies } from './telemetry/health-metrics.ts';
import { tellHealth } from './telemetry/health-tidings.ts';
import { journalFamilies } from './telemetry/journal-metrics.ts';
import { capacityFamilies } from './telemetry/ledger-metrics.ts';
import { gatherMetrics } from './telemetry/metrics.ts';
import type { ProcessLog } from './telemetry/process-log.ts';
import { replacementFamilies } from './telemetry/replacement-metrics.ts';
import { mergeMetrics } from './telemetry/request-metrics.ts';
import {
  Journal,
  MainPlane,
  Publisher,
  type ReplaceAnswer,
  replaceWorkers,
  Workers,
} from './workers/index.ts';

export type RouterOptions = {
  readonly config: Config;
  /** Threads that route; 0: the main thread does. */
  readonly workers: number;
  readonly chaos: boolean;
  /** Make the routing equal to the config's even if the log has history. */
  readonly apply: boolean;
  readonly version: string;
  readonly log: ProcessLog;
  /** Whole lines of the access log. */
  readonly writeLine: (text: string) => void;
  /** The tree gave up. */
  readonly failed: (error: unknown) => void;
};

/** The main thread, the workers, and one to spare for each that is being replaced. */
const SPARE_THREADS = 2;
// Two seconds of a busy worker, as the journal has for requests: longer than a journal that died is missed. Of very many
// workers none is that busy, and the rings together are addresses that are reserved.
const RECORD_SLOTS = 65_536;
const RECORD_SLOTS_OF_MANY = 16_384;
const MANY_THREADS = 40;
const EVERYONE = 10_000;
// A start is over by then, and the first requests have found their owners; so is a burst of changes, or it has become large.
const LEISURE_MS = 5000;
// A tenth of a second of reading. Of more rows the number alone is checked before they are used, and each when it is.
const CHECKED_AT_START = 10_000;
// A whole state of more domains takes more memory than the router itself: it is made only when somebody asks for the past.
const MOST_REMEMBERED = 20_000;

export class Router {
  readonly #options: RouterOptions;
  readonly #startedAtMs = Date.now();
  readonly #delay = monitorEventLoopDelay();
  readonly #publisher = new Publisher();
  readonly #system: System;
  readonly #ledger: MainLedger;
  readonly #journal: Journal | undefined;
  readonly #workers: Workers | MainPlane;
  readonly #history: HistoryThread;
  readonly #confirmations: Confirmations;
  readonly #prober: Prober;
  #adminAddress: string;
  /** Events that no whole state was made of yet. */
  #unremembered = 0;
  #remembering: NodeJS.Timeout | undefined;
  #admin: Admin | undefined;
  #opened: LocalLog | undefined;
  /** The log as it is open now; what an archive swaps. */
  #local: LocalLog | undefined;
  readonly #unreadable: StreamName[] = [];
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  #listeners: readonly ListenerSettings[];
  /** What the file wants and the log has not, where it was not applied. */
  unapplied: Routing | undefined;

  constructor(options: RouterOptions, listeners: readonly ListenerSettings[]) {
    const { config } = options;
    this.#options = options;
    this.#listeners = listeners;
    this.#adminAddress = config.admin.address;
    const threads = options.workers * 2 + SPARE_THREADS;
    this.#ledger = createArena({
      threads,
      ring: (thread) => this.#workers.ring(thread),
      record: config.journal.enabled,
      recordSlots: threads > MANY_THREADS ? RECORD_SLOTS_OF_MANY : RECORD_SLOTS,
    });
    this.#journal = this.#journalFor(threads);
    this.#history = new HistoryThread({
      directory: config.data,
      flush: async () => this.#journal?.flush(),
    });
    this.#confirmations = new Confirmations({
      desk: () => this.#system.desk,
      log: () => this.#system.log,
      history: this.#history,
      now: Date.now,
      logger: options.log,
    });
    const common = {
      ledger: this.#ledger,
      journal: this.#journal,
      publisher: this.#publisher,
      directory: config.data,
      pseudonym: pseudonymOf(config.data),
      secret: secretOf(config.data),
      unreadable: this.#unreadable,
      listeners,
      accessLog: config.accessLog,
      drainMs: config.drainMs,
      now: systemClock.now,
      report: (report: Parameters<System['health']['report']>[0]) => this.#system.health.report(report),
      wake: (pool: string) => this.#system.owners.wake(pool as PoolName),
      warn: (message: string) => options.log.warn({}, message),
      writeLog: options.writeLine,
    };
    this.#workers =
      options.workers === 0
        ? new MainPlane(common)
        : new Workers({ ...common, threads, count: options.workers });
    this.#prober = new Prober({
      ledger: this.#ledger,
      now: systemClock.now,
      random: Math.random,
      report: common.report,
      started: (pool, id) => this.#startBackend(pool, id),
    });
    this.#system = new System({
      followed: (pool, state) => this.#prober.follow(pool, state),
      openLog: () => this.#openLog(),
      publish: (events) => this.#publisher.publish(events),
      ledger: this.#ledger,
      clock: systemClock,
      random: Math.random,
      chaos: options.chaos ? new ArmedChaos() : undefined,
      prepare: () => this.#prepare(),
      recording: () => (this.#journal === undefined ? [] : [this.#journal.childSpec()]),
      named: (pool, backends) => this.#journal?.named(pool, backends),
      outside: (world) => [
        this.#workers.childSpec(world),
        this.#history.childSpec(),
        this.#prober.childSpec(),
        this.#confirmations.childSpec(),
        this.#adminChild(),
      ],
      observe: (event) => this.#tell(event),
      failed: options.failed,
    });
  }

  #startBackend(pool: PoolName, id: BackendId): void {
    const { log } = this.#options;
    this.#system.desk
      .ask({ type: 'StartBackend', pool, id }, { author: 'switchyard' })
      .catch((error: Error) =>
        log.warn({ err: error }, `${id} of ${pool} passes its probes, and could not be made up`),
      );
  }

  #journalFor(threads: number): Journal | undefined {
    const { config, log } = this.#options;
    if (!config.journal.enabled) return undefined;
    return new Journal({
      settings: config.journal,
      directory: config.data,
      ledger: this.#ledger,
      threads,
      now: systemClock.now,
      warn: (message) => log.warn({}, message),
    });
  }

  /** Resolves when every listener accepts. Rejects with what hindered it; then nothing is left running. */
  async start(): Promise<void> {
    // Once before the tree: a directory that cannot be used is the user's to mend, not a crash to restart from.
    const log = openSqliteLog({ directory: this.#options.config.data, now: Date.now });
    this.#opened = log;
    const { kept, expected } = log.currentRows();
    const isLarge = kept > CHECKED_AT_START && kept === expected;
    if (!isLarge) await this.#mend(log);
    this.#publisher.names.load((visit) => log.reader.domainNames(visit));
    this.#delay.enable();
    await this.#system.start();
    this.#state = 'ready';
    this.#system.log.onAppended((events) => tellHealth(this.#options.log, events));
    await this.#remember();
  }

  /** The first one was opened before the tree; one that is opened after a crash finds its caches as they were left. */
  #openLog(): EventLog {
    const opened = this.#opened ?? openSqliteLog({ directory: this.#options.config.data, now: Date.now });
    this.#opened = undefined;
    this.#local = opened;
    return opened;
  }

  /** Rows that were dropped or damaged are made again; whoever cannot be read is named to the workers. */
  async #mend(log: LocalLog): Promise<void> {
    const wanted = new Set<StreamName>(log.reader.streamsOutOfDate());
    log.reader.snapshotOfCurrents(
      () => {},
      (error) => wanted.add(error.stream as StreamName),
    );
    if (wanted.size > 0) await this.#rebuild(log, [...wanted]);
    log.settleCurrentRows();
  }

  async #rebuild(log: LocalLog, wanted: readonly StreamName[]): Promise<void> {
    const { streams, unreadable } = await log.rebuildCurrents(projectionOf, wanted);
    this.#options.log.warn(
      { streams },
      'current rows were missing or damaged and are made again from the events',
    );
    for (const error of unreadable) {
      this.#unreadable.push(error.stream as StreamName);
      this.#options.log.error(
        { err: error },
        `${error.stream} cannot be read; its requests are answered 503`,
      );
    }
  }

  get addresses(): { readonly listeners: readonly string[]; readonly admin: string } {
    return { listeners: this.#listeners.map((listener) => listener.address), admin: this.#adminAddress };
  }

  /** Points of the past are made once there is leisure, and whenever much was recorded. */
  async #remember(): Promise<void> {
    this.#system.log.onAppended((events) => this.#recorded(events.length));
    this.#recorded(await this.#system.log.position());
  }

  #recorded(events: number): void {
    this.#unremembered += events;
    if (this.#unremembered < POINT_EVERY || this.#remembering !== undefined) return;
    this.#remembering = setTimeout(() => {
      if (this.#publisher.names.size <= MOST_REMEMBERED) this.#history.recorded(this.#unremembered);
      this.#unremembered = 0;
      this.#remembering = undefined;
    }, LEISURE_MS);
    this.#remembering.unref();
  }

  #archiving(): ArchiveOptions {
    const log = () => {
      if (this.#local === undefined) throw new TypeError('expected an open log, found none');
      return this.#local;
    };
    return { history: this.#history, directory: this.#options.config.data, log };
  }

  /** Finishes what is under way, within the drain time, and lets go of everything. */
  async stop(): Promise<void> {
    this.#state = 'draining';
    // The admin stays until then and says so; who waits there for a drain or follows events is let go.
    this.#admin?.letGo();
    await this.#workers.drain();
    await this.#system.stop();
    this.#delay.disable();
  }

  /** Makes pools and domains equal to these. Returns what the desk said. */
  apply(routing: Routing, allowRemovals: number, author: string) {
    return this.#system.desk.carryOut(
      planFor(routing, allowRemovals),
      { author },
      { apply: author, at: Date.now() },
    );
  }

  /** Other threads in the workers' places, one after the other; none of their connections fails by it. */
  replaceWorkers(only?: number, waitMs = 0): Promise<ReplaceAnswer> {
    const { config, log } = this.#options;
    // Who wants to wait for however long it takes is told after the time that a shutdown would take.
    return replaceWorkers(this.#workers.replace(only), Math.min(waitMs, config.drainMs), log);
  }

  present() {
    return this.#system.desk.present();
  }

  /** Nothing is routed yet. */
  async empty(): Promise<boolean> {
    return (await this.#system.log.currents({ kind: 'domain', limit: 1 })).length === 0;
  }

  /** On an empty log the file's routing is put in force before anyone listens; on another, only when told to. */
  async #prepare(): Promise<void> {
    const { config, apply } = this.#options;
    const wished = config.routing;
    if (wished === null) return;
    const isEmpty = (await this.#system.log.position()) === 0;
    if (!isEmpty && !apply) {
      this.unapplied = wished;
      return;
    }
    // There is nothing yet that a slip of the file could take away, however much it brings.
    const everything: Plan = () => ({
      type: 'commands',
      commands: commandsOf(difference(EMPTY_ROUTING, wished), wished),
    });
    const plan = isEmpty ? everything : planFor(wished, 0);
    const answer = await this.#system.desk.carryOut(plan, { author: 'serve' }, 'serve');
    if (answer.type === 'rejected')
      throw new ConfigRefused(`the config file is not applied: ${answer.rejection.detail}`);
  }

  #adminChild() {
    return {
      id: 'admin',
      kind: 'admin',
      restart: 'permanent' as const,
      shutdownMs: 5000,
      start: async () => {
        const { config, log } = this.#options;
        const chaos = (wish: { readonly crash: string; readonly at?: CrashPoint }) =>
          this.#system.sabotage(wish.crash, wish.at);
        const admin = createAdmin({
          desk: this.#system.desk,
          log: this.#system.log,
          history: this.#history,
          confirmations: this.#confirmations,
          actors: (page) => this.#system.actors(page),
          ...(this.#options.chaos ? { chaos } : {}),
          ledger: (pool) => this.#figures(pool),
          checkpoint: (pool) => this.#checkpoint(pool),
          drained: (pool, id, gone) => this.#system.drained(pool, id, gone),
          metrics: () => this.#metrics(),
          health: () => this.#health(),
          ready: () => ({ ok: this.#state === 'ready', detail: this.#state }),
          verify: (signal) => this.#history.ask('verify', {}, signal),
          archive: (wish, signal) => archiveLog(this.#archiving(), wish, signal),
          replace: (worker, waitMs) => this.replaceWorkers(worker, waitMs),
          ownAddresses: () => ({
            listeners: [...this.addresses.listeners, this.#adminAddress],
            local: localAddresses(),
          }),
          names: config.admin.names,
          logger: log,
          now: Date.now,
          ...(config.admin.token === undefined ? {} : { token: config.admin.token }),
        });
        this.#adminAddress = await admin.listen(this.#adminAddress);
        this.#admin = admin;
        return { stop: () => admin.close() };
      },
    };
  }

  #actors() {
    return this.#system.actors({ limit: EVERYONE });
  }

  #checkpoint(pool: string): Uint8Array | undefined {
    const packed = new ByteWriter();
    return this.#ledger.checkpoint(keyOf(pool), packed) === 0 ? undefined : packed.written().slice();
  }

  #figures(name: string): LedgerFigures | undefined {
    const pool = parsePoolName(name);
    const stats = pool.ok ? this.#ledger.pool(keyOf(name))?.stats() : undefined;
    const state = this.#system.owners.pools.lookup(name)?.known?.state as PoolState | undefined;
    if (stats === undefined || state === undefined) return undefined;
    const rows = new Map(stats.rows.map((row) => [row.backendKey, row]));
    const backends = Object.keys(state?.backends ?? {}).flatMap((id) => {
      const row = rows.get(keyOf(id));
      return row === undefined
        ? []
        : [
            [
              id,
              { inFlight: row.inFlight, limit: row.limit === 0 ? null : row.limit, state: row.state },
            ] as const,
          ];
    });
    return { waiting: stats.waiting, backends: Object.fromEntries(backends) };
  }

  async #metrics() {
    const { version } = this.#options;
    const families = await gatherMetrics({
      version,
      startedAtMs: this.#startedAtMs,
      eventLoopDelay: this.#delay,
      position: () => this.#system.log.position(),
      actors: () => this.#actors().actors,
      requests: async () => mergeMetrics(await this.#workers.metrics()),
      ledgers: () => this.#ledgers(),
    });
    return [
      ...families,
      ...capacityFamilies(this.#system.capacity.told),
      ...healthFamilies(this.#system.health.counts, this.#prober.counts),
      ...replacementFamilies(this.#workers.replacements),
      ...journalFamilies(this.#journal?.share.shared, systemClock.now()),
    ];
  }

  *#ledgers() {
    for (const pool of this.#system.health.pools()) {
      const figures = this.#figures(pool);
      if (figures !== undefined)
        yield { pool, waiting: figures.waiting, backends: Object.values(figures.backends) };
    }
  }

  /** The main thread answers this, so it is alive; the workers beat their hearts. */
  #health() {
    const silent = this.#workers.silent();
    if (silent.length === 0) return { ok: true, detail: 'alive' };
    return { ok: false, detail: `worker ${silent.join(', ')} has been silent for seconds` };
  }

  #tell(event: SupervisionEvent): void {
    const { type, id } = event;
    const { log } = this.#options;
    if (type === 'crashed' || type === 'escalated')
      log.error({ actor: id, err: event.error }, `${id} ${type}`);
    else if (type === 'parked')
      log.error({ actor: id, err: event.error, retryAtMs: event.retryAtMs }, `${id} parked`);
    else if (type === 'restarted') log.warn({ actor: id, restarts: event.restarts }, `${id} restarted`);
    else log.debug({ actor: id }, `${id} ${type}`);
  }
}

/**
 * Ports that are free, with 0 resolved. Workers share a port among themselves, and the system would share it with
 * another router of the same user too; so each is first bound alone, which fails where anyone else has it.
 */
export async function claimListeners(listeners: readonly ListenerSettings[]): Promise<ListenerSettings[]> {
  const claimed: ListenerSettings[] = [];
  for (const listener of listeners) claimed.push({ ...listener, address: await claim(listener.address) });
  return claimed;
}

/** The routing of the config file cannot be put in force. */
export class ConfigRefused extends Error {
  override readonly name = 'ConfigRefused';
}

export class AddressUnavailable extends Error {
  override readonly name = 'AddressUnavailable';
}

export async function claim(address: string): Promise<string> {
  const at = parseHostPort(address);
  if (at === undefined) throw new AddressUnavailable(`expected host:port, found ${address}`);
  const server = createServer();
  const bound = await new Promise<string>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new AddressUnavailable(unavailable(address, error))),
    );
    server.listen({ host: at.host, port: at.port, exclusive: true }, () => {
      const { port } = server.address() as { port: number };
      resolve(renderHostPort({ host: at.host, port }));
    });
  });
  await new Promise((resolve) => server.close(resolve));
  return bound;
}

function unavailable(address: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return `expected ${address} to be free, found it in use by another program`;
  if (code === 'EACCES')
    return `expected to be allowed to listen on ${address}, found that this user may not`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `expected ${address} to be an address of this machine, found that it is not`;
  return `cannot listen on ${address}: ${message}`;
}
