/** The real router inside a program: its owners, its log, one plane in this thread; no admin, no workers. */
import { randomBytes } from 'node:crypto';
import type { Observable } from 'rxjs';
import {
  type ChildContext,
  type ChildSpec,
  crashed,
  createArena,
  type Desk,
  digestOf,
  type HealthReport,
  type MainLedger,
  type Running,
  StartFailed,
  System,
  systemClock,
} from '../../actors/index.ts';
import {
  createMemoryLog,
  feed,
  type Happened,
  type LocalLog,
  openSqliteLog,
  type PoolName,
  type Position,
  type Recorded,
  type StreamName,
} from '../../eventlog/index.ts';
import {
  type Config,
  difference,
  EMPTY_ROUTING,
  type ListenerSettings,
  localAddresses,
  type Routing,
} from '../config/index.ts';
import { pseudonymOf, secretOf } from '../identity.ts';
import { commandsOf, planFor } from '../plan/index.ts';
import type { RoutingPlane } from '../proxy/index.ts';
import { leftBy, PlaneCounters } from '../telemetry/plane-counters.ts';
import { mergeMetrics, type RequestMetricsSnapshot } from '../telemetry/request-metrics.ts';
import { Publisher, Table } from '../workers/index.ts';
import type { Switchyard } from './delegated-switchyard.ts';
import { frontPlane, openAll } from './front.ts';
import { Lifetime } from './lifetime.ts';
import { type CommonOptions, durationOf, invalid, processOf } from './options.ts';
import { ProgramDesk, refusalOf } from './program-desk.ts';
import { lineWriter, type Report, reporter, telling } from './reporting.ts';
import { toldFrom } from './told-events.ts';
import type { DomainWish, PoolWish } from './wishes.ts';

export type RoutedOptions = CommonOptions & {
  /** As in the config file. Applied at the start if the log is empty, otherwise only with `apply`. */
  readonly pools?: { readonly [name: string]: PoolWish };
  readonly domains?: { readonly [host: string]: DomainWish };
  /** The directory of the log. Without one the log is in memory, and ends with the router. */
  readonly data?: string;
  /** Makes the routing equal to `pools` and `domains` although the log has history. */
  readonly apply?: boolean;
};

export interface RoutedSwitchyard extends Switchyard {
  /** Changes the routing; each change is durable and in force when its promise resolves. From `listen` until the end. */
  readonly desk: ProgramDesk;
  /**
   * Calls the listener with events as they happen; returns a function that stops that. Errors of the listener are reported.
   * From `listen` until the end.
   */
  onEvents(listener: (events: readonly Recorded[]) => void): () => void;
  /**
   * All events from position `from` of the log on (1: all), then new ones, each once and in order. An rxjs `Observable`,
   * complete when the router is closed; it fails at an event that cannot be read. From `listen` on.
   */
  events(from?: Position): Observable<Recorded>;
}

// This thread and a spare one: a ledger must have room for more than its owner.
const THREADS = 2;

export function routedSwitchyard(options: RoutedOptions): RoutedSwitchyard {
  const { listeners, pools, domains, data, accessLog } = options;
  return new Embedded(options, processOf({ listeners, pools, domains, data, accessLog }));
}

class Embedded implements RoutedSwitchyard {
  readonly desk: ProgramDesk;
  readonly #options: RoutedOptions;
  readonly #config: Config;
  readonly #pseudonym: string;
  readonly #publisher = new Publisher();
  readonly #ledger: MainLedger;
  readonly #system: System;
  #log: LocalLog | undefined;
  #plane: RoutingPlane | undefined;
  #addresses: readonly string[] = [];
  /** Where it listened first: a restarted plane must listen there again. */
  #listeners: readonly ListenerSettings[];
  /** The counts of planes that are gone; zero until there is one. */
  #before: RequestMetricsSnapshot = { requests: {}, pools: {}, totals: leftBy({ ...new PlaneCounters() }) };
  readonly #report: Report;
  readonly #lifetime = new Lifetime(() => this.#start());
  readonly #ended = new AbortController();
  #hasBegun = false;
  #stopped: Promise<void> | undefined;
  /** Before that, failures are reported by `listen`. */
  #isUp = false;

  constructor(options: RoutedOptions, config: Config) {
    this.#options = options;
    this.#config = config;
    this.#listeners = config.listeners;
    this.#pseudonym =
      options.data === undefined ? `switchyard-${randomBytes(6).toString('hex')}` : pseudonymOf(config.data);
    this.#ledger = createArena({ threads: THREADS, ring: () => this.#ledger.deliver(), record: false });
    this.#report = reporter(options.report);
    const told = (error: unknown) => this.#report({ where: 'router', error, requestId: '' });
    this.#system = new System({
      openLog: () => this.#openLog(),
      publish: (events) => this.#publisher.publish(events),
      ledger: this.#ledger,
      clock: systemClock,
      random: Math.random,
      chaos: undefined,
      prepare: () => this.#prepare(),
      outside: () => [this.#planeChild()],
      observe: (event) => {
        if (this.#isUp && (event.type === 'crashed' || event.type === 'parked')) told(event.error);
      },
      failed: (error) => {
        if (this.#isUp) told(error);
      },
    });
    this.desk = new ProgramDesk(
      () => this.#running.desk,
      () => ({ listeners: this.#addresses, local: localAddresses() }),
    );
  }

  onEvents(listener: (events: readonly Recorded[]) => void): () => void {
    if (typeof listener !== 'function') throw invalid('listener', 'a function', listener);
    const failed = (error: unknown) => this.#report({ where: 'onEvents', error, requestId: '' });
    const log = toldFrom(this.#running.log);
    return log.onAppended(({ events }) => void telling(() => listener(events), failed));
  }

  events(from: Position = 1): Observable<Recorded> {
    if (!Number.isSafeInteger(from) || from < 1) throw invalid('from', 'a whole number from 1', from);
    return feed(toldFrom(this.#begun.log), from, this.#ended.signal);
  }

  listen(): Promise<readonly string[]> {
    return this.#lifetime.listen();
  }

  async drain(withinMs: number): Promise<void> {
    durationOf('withinMs', withinMs);
    await this.#lifetime.end();
    this.#plane?.announceEnd();
    await this.#plane?.drain(withinMs);
    await this.#end();
  }

  async close(): Promise<void> {
    await this.#lifetime.end();
    await this.#plane?.close();
    await this.#end();
  }

  metrics(): RequestMetricsSnapshot {
    return this.#plane === undefined ? this.#before : mergeMetrics([this.#before, this.#plane.metrics()]);
  }

  async #start(): Promise<readonly string[]> {
    this.#hasBegun = true;
    await this.#system.start().catch((error: unknown) => {
      throw reasonOf(error);
    });
    this.#isUp = true;
    return this.#addresses;
  }

  async #end(): Promise<void> {
    if (this.#hasBegun) this.#stopped ??= this.#system.stop();
    await this.#stopped;
    this.#ended.abort();
  }

  get #begun(): { readonly desk: Desk; readonly log: System['log'] } {
    if (!this.#hasBegun) throw new Error('expected a router that listens, found one before listen()');
    return this.#system;
  }

  get #running(): { readonly desk: Desk; readonly log: System['log'] } {
    if (this.#stopped !== undefined)
      throw new Error('expected a router that listens, found one that was closed');
    return this.#begun;
  }

  #openLog(): LocalLog {
    if (this.#options.data === undefined && this.#log !== undefined)
      throw new Error('expected the log in memory to last as long as the router, found it closed');
    this.#log =
      this.#options.data === undefined
        ? createMemoryLog({ now: Date.now })
        : openSqliteLog({ directory: this.#config.data, now: Date.now });
    return this.#log;
  }

  async #prepare(): Promise<void> {
    const wished = this.#config.routing;
    if (wished === null) return;
    const isEmpty = (await this.#system.log.position()) === 0;
    if (!isEmpty && this.#options.apply !== true) return;
    const answer = await this.#system.desk.carryOut(
      isEmpty ? everythingOf(wished) : planFor(wished, 0),
      { author: 'createSwitchyard' },
      digestOf('createSwitchyard'),
    );
    if (answer.type === 'rejected') throw refusalOf(answer.rejection);
  }

  #planeChild(): ChildSpec {
    return {
      id: 'worker:0',
      kind: 'worker',
      restart: 'permanent',
      shutdownMs: 5000,
      start: (context) => this.#startPlane(context),
    };
  }

  async #startPlane(context: ChildContext): Promise<Running> {
    const table = new Table();
    const receiver = { receive: ({ events }: Happened) => table.apply(events) };
    this.#publisher.enrol(receiver);
    const plane = this.#newPlane(table);
    table.followedBy(plane);
    try {
      this.#load(table);
      this.#addresses = await openAll(plane, this.#listeners);
    } catch (error) {
      this.#publisher.dismiss(receiver);
      throw error;
    }
    this.#listeners = this.#listeners.map((one, at) => ({
      ...one,
      address: this.#addresses[at] ?? one.address,
    }));
    this.#plane = plane;
    const end = async () => {
      await plane.close();
      this.#publisher.dismiss(receiver);
      this.#before = mergeMetrics([this.#before, plane.metrics()]);
      this.#plane = undefined;
    };
    const crash = (error: Error) => {
      const exit = () => context.exited(crashed(error));
      void end().then(exit, exit);
    };
    return { stop: end, crash };
  }

  #load(table: Table): void {
    table.load((this.#log as LocalLog).reader, (error) => {
      table.markUnreadable(error.stream as StreamName);
      this.#report({ where: 'router', error, requestId: '' });
    });
  }

  #newPlane(table: Table): RoutingPlane {
    const { accessLog } = this.#options;
    const plane: RoutingPlane = frontPlane({
      table,
      wake: (pool) => void this.#system.owners.wake(pool as PoolName).then(() => plane.awake(pool)),
      ledger: this.#ledger,
      listeners: this.#listeners,
      pseudonym: this.#pseudonym,
      ...(this.#options.data === undefined ? {} : { secret: secretOf(this.#config.data) }),
      accessLog,
      writeLog: lineWriter(this.#options),
      report: (told) => {
        if (told.type !== 'request_crashed') this.#system.health.report(told as HealthReport);
        else this.#report({ where: 'router', error: told.error, requestId: told.requestId });
      },
    });
    return plane;
  }
}

/** A program knows nothing of the tree: it is told what failed in it, with its code, such as EADDRINUSE or `data_held`. */
function reasonOf(error: unknown): unknown {
  return error instanceof StartFailed && error.cause !== undefined ? reasonOf(error.cause) : error;
}

/** On an empty log a mistake cannot remove anything, whatever its size. */
function everythingOf(wished: Routing): Parameters<Desk['carryOut']>[0] {
  return () => ({ type: 'commands', commands: commandsOf(difference(EMPTY_ROUTING, wished), wished) });
}
