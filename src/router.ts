/**
 * A whole router in this process: the log, the supervision tree over it, the workers, and the admin. `serve` runs
 * one until a signal comes; tests and programs start and stop as many as they like.
 */
import {
  ArmedChaos,
  type CrashPoint,
  createArena,
  type MainLedger,
  System,
  systemClock,
} from '../actors/index.ts';
import { type BackendId, POINT_EVERY, type PoolName } from '../eventlog/index.ts';
import { type Admin, Confirmations, createAdmin } from './admin/index.ts';
import { planFor } from './admin/plan.ts';
import { type Config, type ListenerSettings, localAddresses, type Routing } from './config/index.ts';
import { Prober } from './health/index.ts';
import { archiveLog, HistoryThread } from './history/index.ts';
import { pseudonymOf, secretOf } from './identity.ts';
import { ImportThread } from './import/index.ts';
import { Figures } from './router/figures.ts';
import { isForConfig, putInForce } from './router/first-routing.ts';
import { LogAtHand } from './router/log-at-hand.ts';
import { tellHealth } from './telemetry/health-tidings.ts';
import type { ProcessLog } from './telemetry/process-log.ts';
import type { StandardOutput } from './telemetry/standard-output.ts';
import { supervisionTidings } from './telemetry/supervision-tidings.ts';
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
  /** For the lines of the access log. */
  readonly output: StandardOutput;
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
// A start is over by then, and the first requests have found their owners; so is a burst of changes, or it has become large.
const LEISURE_MS = 5000;
// A whole state of more owners takes more memory than the router itself: it is made only when somebody asks for the past.
const MOST_REMEMBERED = 20_000;

export class Router {
  readonly #options: RouterOptions;
  readonly #log: LogAtHand;
  readonly #publisher = new Publisher();
  readonly #system: System;
  readonly #ledger: MainLedger;
  readonly #journal: Journal | undefined;
  readonly #workers: Workers | MainPlane;
  readonly #history: HistoryThread;
  readonly #importer: ImportThread;
  readonly #confirmations: Confirmations;
  readonly #prober: Prober;
  readonly #figures: Figures;
  #adminAddress: string;
  /** Events that no whole state was made of yet. */
  #unremembered = 0;
  #remembering: NodeJS.Timeout | undefined;
  #admin: Admin | undefined;
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  #listeners: readonly ListenerSettings[];
  /** What the file wants and the log has not, where it was not applied. */
  unapplied: Routing | undefined;

  constructor(options: RouterOptions, listeners: readonly ListenerSettings[]) {
    const { config } = options;
    this.#options = options;
    this.#log = new LogAtHand(config.data, options.log);
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
    this.#importer = new ImportThread({
      directory: config.data,
      desk: () => this.#system.desk,
      listeners: () => [...this.addresses.listeners, this.#adminAddress],
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
      unreadable: this.#log.unreadable,
      listeners,
      accessLog: config.accessLog,
      drainMs: config.drainMs,
      now: systemClock.now,
      report: (report: Parameters<System['health']['report']>[0]) => this.#system.health.report(report),
      wake: (pool: string) => this.#system.owners.wake(pool as PoolName),
      warn: (message: string) => options.log.warn({}, message),
      writeLog: (lines: string) => options.output.writeLines(lines),
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
      failing: (pool, backend, why) =>
        options.log.warn({ pool, backend, why }, `${backend} of ${pool} fails its probes`),
      started: (pool, id) => this.#startBackend(pool, id),
    });
    const tell = supervisionTidings(options.log);
    this.#system = new System({
      followed: (pool, state) => this.#prober.follow(pool, state),
      openLog: () => this.#log.open(),
      publish: (happened) => this.#publisher.publish(happened),
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
        this.#importer.childSpec(),
        this.#prober.childSpec(),
        this.#confirmations.childSpec(),
        this.#adminChild(),
      ],
      observe: (event) => {
        if (!('error' in event && isForConfig(event.error))) tell(event);
      },
      failed: options.failed,
    });
    this.#figures = new Figures({
      version: options.version,
      system: this.#system,
      ledger: this.#ledger,
      workers: this.#workers,
      journal: this.#journal,
      prober: this.#prober,
      output: options.output,
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
      writesBack: (is) => this.#log.writtenBackBeside(is),
      warn: (message) => log.warn({}, message),
    });
  }

  /** Resolves when every listener accepts. Rejects with what hindered it; then nothing is left running. */
  async start(): Promise<void> {
    const { reader } = await this.#log.openFirst();
    this.#publisher.names.load((visit) => reader.domainNames(visit));
    this.#figures.start();
    await this.#system.start();
    this.#state = 'ready';
    this.#system.log.onAppended((happened) => tellHealth(this.#options.log, happened));
    await this.#remember();
  }

  get addresses(): { readonly listeners: readonly string[]; readonly admin: string } {
    return { listeners: this.#listeners.map((listener) => listener.address), admin: this.#adminAddress };
  }

  /** Points of the past are made once there is leisure, and whenever much was recorded. */
  async #remember(): Promise<void> {
    this.#system.log.onAppended(({ size }) => this.#recorded(size));
    this.#recorded(await this.#system.log.position());
  }

  #recorded(events: number): void {
    this.#unremembered += events;
    if (this.#unremembered < POINT_EVERY || this.#remembering !== undefined) return;
    this.#remembering = setTimeout(() => {
      if ((this.#log.owners ?? Number.POSITIVE_INFINITY) <= MOST_REMEMBERED)
        this.#history.recorded(this.#unremembered);
      this.#unremembered = 0;
      this.#remembering = undefined;
    }, LEISURE_MS);
    this.#remembering.unref();
  }

  /** Finishes what is under way, within the drain time, and lets go of everything. */
  async stop(): Promise<void> {
    this.#state = 'draining';
    // The admin stays until then and says so; who waits there for a drain or follows events is let go.
    this.#admin?.letGo();
    await this.#workers.drain();
    await this.#system.stop();
    this.#figures.stop();
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

  async #prepare(): Promise<void> {
    const { config, apply } = this.#options;
    const { routing } = config;
    if (routing !== null && (await putInForce(routing, this.#system, apply)) === 'unapplied')
      this.unapplied = routing;
  }

  #adminChild() {
    return {
      id: 'admin',
      kind: 'admin',
      restart: 'permanent' as const,
      shutdownMs: 5000,
      start: async () => {
        const { config, log } = this.#options;
        const archiving = {
          history: this.#history,
          directory: config.data,
          log: () => this.#log.local,
          alone: <T>(work: () => Promise<T>) => this.#system.desk.alone(work),
        };
        const chaos = (wish: { readonly crash: string; readonly at?: CrashPoint }) =>
          this.#system.sabotage(wish.crash, wish.at);
        const admin = createAdmin({
          desk: this.#system.desk,
          log: this.#system.log,
          importer: this.#importer,
          history: this.#history,
          confirmations: this.#confirmations,
          actors: (page) => this.#system.actors(page),
          ...(this.#options.chaos ? { chaos } : {}),
          ledger: (pool) => this.#figures.pool(pool),
          checkpoint: (pool) => this.#figures.checkpoint(pool),
          drained: (pool, id, gone) => this.#system.drained(pool, id, gone),
          metrics: () => this.#figures.metrics(),
          health: () => this.#figures.health(),
          ready: () => (this.#state === 'ready' ? this.#figures.ready() : { ok: false, detail: this.#state }),
          archive: (wish, signal) => archiveLog(archiving, wish, signal),
          replace: (worker, waitMs) => this.replaceWorkers(worker, waitMs),
          ownAddresses: () => ({
            listeners: [...this.addresses.listeners, this.#adminAddress],
            local: localAddresses(),
          }),
          names: config.admin.names,
          logger: log,
          // The ledger's and the workers': the deadline of a drain is theirs to keep, also when the wall clock is set.
          now: systemClock.now,
          ...(config.admin.token === undefined ? {} : { token: config.admin.token }),
        });
        this.#adminAddress = await admin.listen(this.#adminAddress);
        this.#admin = admin;
        return { stop: () => admin.close() };
      },
    };
  }
}
