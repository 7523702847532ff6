/**
 * A whole router in this process: the log, the supervision tree, the workers, and the admin API. `serve` runs one
 * until a signal arrives; tests and programs start and stop as many as they like.
 */
import { ArmedChaos, createArena, type MainLedger, System, systemClock } from '../../actors/index.ts';
import type { BackendId, PoolName } from '../../eventlog/index.ts';
import { Confirmations, type Held } from '../admin/index.ts';
import type { Config, ListenerSettings, Routing } from '../config/index.ts';
import { Prober } from '../health/index.ts';
import { type ConfigFile, HistoryThread } from '../history/index.ts';
import { fileNumberOf, pseudonymOf, secretOf } from '../identity.ts';
import { ImportThread } from '../import/index.ts';
import { NAMES } from '../proxy/index.ts';
import { logHealth } from '../telemetry/health-log.ts';
import type { ProcessLog } from '../telemetry/process-log.ts';
import type { StandardOutput } from '../telemetry/standard-output.ts';
import { supervisionLog } from '../telemetry/supervision-log.ts';
import {
  Journal,
  MainPlane,
  Publisher,
  type ReplaceAnswer,
  replaceWorkers,
  Workers,
} from '../workers/index.ts';
import { AdminChild } from './admin-child.ts';
import { ClockWatch } from './clock-watch.ts';
import { Figures } from './figures.ts';
import { isForConfig, putInForce } from './first-routing.ts';
import { type Followed, followFile } from './follow-file.ts';
import { LogAtHand } from './log-at-hand.ts';
import { Planner } from './planner.ts';
import { PointsDue } from './points-due.ts';
import { RouterSuccessions } from './succession.ts';

export type RouterOptions = {
  readonly config: Config;
  /** The number of routing threads; 0: the main thread routes. */
  readonly workers: number;
  /** Connections to backends; 0: any number. */
  readonly mostToBackends: number;
  readonly chaos: boolean;
  /** Make the routing equal to the config's even if the log has history. */
  readonly apply: boolean;
  readonly version: string;
  readonly log: ProcessLog;
  /** Receives the lines of the access log. */
  readonly output: StandardOutput;
  /** Another process keeps routing and writing its journal until this one takes its place. */
  readonly isTakingOver: boolean;
  /** Another process has taken this one's place; this one must be stopped. */
  readonly replaced: (pid: number) => void;
  /** The tree gave up. */
  readonly failed: (error: unknown) => void;
};

/** Beyond two threads per worker, the running one and its replacement: the main thread, and one to spare. */
const SPARE_THREADS = 2;
// Two seconds of a busy worker, as the journal has for requests: longer than it takes to restart a crashed journal.
// With very many workers none is that busy, and the rings together reserve address space.
const RECORD_SLOTS = 65_536;
const RECORD_SLOTS_OF_MANY = 16_384;
const MANY_THREADS = 40;

export class Router {
  readonly #options: RouterOptions;
  readonly #log: LogAtHand;
  readonly #publisher = new Publisher();
  readonly #system: System;
  readonly #ledger: MainLedger;
  readonly #journal: Journal | undefined;
  readonly #workers: Workers | MainPlane;
  readonly #history: HistoryThread;
  readonly #planner: Planner;
  readonly #importer: ImportThread;
  readonly #confirmations: Confirmations;
  readonly #prober: Prober;
  readonly #figures: Figures;
  readonly #clockWatch: ClockWatch;
  readonly #admin: AdminChild;
  readonly #successions: RouterSuccessions;
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  #listeners: readonly ListenerSettings[];
  /** What the file wants and the log lacks, if the file was not applied. */
  unapplied: Routing | undefined;

  constructor(options: RouterOptions, listeners: readonly ListenerSettings[]) {
    const { config } = options;
    this.#options = options;
    this.#log = new LogAtHand(config.data, options.log);
    this.#listeners = listeners;
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
    this.#planner = new Planner(config.data, () => this.#log.owners);
    this.#importer = new ImportThread({
      directory: config.data,
      desk: () => this.#system.desk,
      listeners: () => this.#allAddresses(),
    });
    this.#confirmations = new Confirmations({
      desk: () => this.#system.desk,
      log: () => this.#system.log,
      history: this.#planner.thread,
      now: Date.now,
      logger: options.log,
    });
    this.#successions = new RouterSuccessions({
      directory: () => fileNumberOf(config.data),
      held: () => this.#held(),
      system: () => this.#system,
      atHand: this.#log,
      leaveAdmin: () => this.#admin.leave(),
      replaced: options.replaced,
      log: options.log,
    });
    this.#admin = new AdminChild({
      config,
      chaos: options.chaos,
      logger: options.log,
      system: () => this.#system,
      figures: () => this.#figures,
      log: () => this.#log.local,
      history: this.#history,
      planner: this.#planner,
      importer: this.#importer,
      confirmations: this.#confirmations,
      successions: this.#successions,
      addresses: () => this.#allAddresses(),
      ready: () => (this.#state === 'ready' ? this.#figures.ready() : { ok: false, detail: this.#state }),
      replace: (worker, waitMs) => this.replaceWorkers(worker, waitMs),
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
      mostToBackends: options.mostToBackends,
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
      lookup: NAMES.lookup,
      report: common.report,
      failing: (pool, backend, why) =>
        options.log.warn({ pool, backend, why }, `${backend} of ${pool} fails its health checks`),
      hindered: (why) =>
        options.log.warn({ why }, 'health checks cannot be made; backends are left as they are'),
      started: (...passed) => this.#startBackend(...passed),
    });
    const tell = supervisionLog(options.log);
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
      // Trials that ran out are undone, which the planner works out, before workers route.
      outside: (world) => [
        this.#history.childSpec(),
        this.#planner.childSpec(),
        this.#confirmations.childSpec(),
        this.#workers.childSpec(world),
        this.#importer.childSpec(),
        this.#prober.childSpec(),
        this.#admin.childSpec(),
      ],
      observe: (event) => {
        if (!('error' in event && isForConfig(event.error))) tell(event);
      },
      failed: options.failed,
    });
    this.#clockWatch = new ClockWatch({
      wallNow: Date.now,
      now: systemClock.now,
      warn: (fields, message) => options.log.warn(fields, message),
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

  #startBackend(pool: PoolName, id: BackendId, address: string): void {
    const { log } = this.#options;
    this.#system.desk
      .ask({ type: 'StartBackend', pool, id, address }, { author: 'switchyard' })
      .catch((error: Error) =>
        log.warn({ err: error }, `${id} of ${pool} passes its health checks, but could not be set up`),
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
      isBeside: this.#options.isTakingOver,
      now: systemClock.now,
      writesBack: (is) => this.#log.writtenBackBeside(is),
      warn: (message) => log.warn({}, message),
    });
  }

  /**
   * Resolves when every listener accepts connections. Rejects with the reason if it cannot; then nothing is left
   * running.
   */
  async start(): Promise<void> {
    const { reader } = await this.#log.openFirst();
    this.#publisher.names.load((visit) => reader.domainNames(visit));
    this.#figures.start();
    this.#clockWatch.start();
    await this.#system.start();
    this.#state = 'ready';
    this.#system.log.onAppended((happened) => logHealth(this.#options.log, happened));
    const points = new PointsDue(
      () => this.#log.owners,
      (events) => this.#history.recorded(events),
    );
    this.#system.log.onAppended(({ size }) => points.recorded(size));
    points.recorded(await this.#system.log.position());
  }

  get addresses(): { readonly listeners: readonly string[]; readonly admin: string } {
    return { listeners: this.#listeners.map((listener) => listener.address), admin: this.#admin.address };
  }

  #held(): readonly Held[] {
    const bound = this.addresses.listeners;
    return this.#options.config.listeners.map(({ address }, index) => ({
      wished: address,
      bound: bound[index]!,
    }));
  }

  #allAddresses(): readonly string[] {
    const { listeners, admin } = this.addresses;
    return [...listeners, admin];
  }

  /** From now on health checks fail, so that load balancers stop sending; everything else goes on. */
  announceEnd(): void {
    this.#state = 'draining';
    this.#workers.announceEnd();
  }

  /**
   * Finishes what is in progress, within the drain time, and releases everything. Resolves with the number of requests
   * that were cut.
   */
  async stop(): Promise<number> {
    this.#state = 'draining';
    this.#successions.isOver = true;
    // The admin API stays until the drain is over and reports it.
    this.#admin.letGo();
    const cut = await this.#workers.drain();
    await this.#system.stop();
    this.#figures.stop();
    this.#clockWatch.stop();
    return cut;
  }

  /** Makes pools and domains equal to those of a config file. */
  follow(file: ConfigFile, author: string): Promise<Followed> {
    const { desk } = this.#system;
    return followFile(file, author, { desk, historian: this.#planner.thread });
  }

  /** Replaces the workers' threads one after the other; no connection fails because of it. */
  replaceWorkers(only?: number, waitMs = 0): Promise<ReplaceAnswer> {
    const { config, log } = this.#options;
    // A caller that would wait without limit is answered after the time that a shutdown would take.
    return replaceWorkers(this.#workers.replace(only), Math.min(waitMs, config.drainMs), log);
  }

  present() {
    return this.#system.desk.look((now) => now.everything());
  }

  /** Whether no domain exists yet. */
  async empty(): Promise<boolean> {
    return (await this.#system.log.currents({ kind: 'domain', limit: 1 })).length === 0;
  }

  async #prepare(): Promise<void> {
    const { config, apply } = this.#options;
    const { routing } = config;
    if (routing !== null && (await putInForce(routing, this.#system, apply)) === 'unapplied')
      this.unapplied = routing;
  }
}
