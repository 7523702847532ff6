/** What routes in one thread, main or worker: its table, its plane, its log of requests. */
import type { HealthReport, Ledger, PoolLedger } from '../../actors/index.ts';
import { EventUnreadable, type LogReader, openSqliteReader, type StreamName } from '../../eventlog/index.ts';
import { parseHostPort, renderHostPort } from '../config/host-port.ts';
import type { ListenerSettings, ProcessSettings } from '../config/index.ts';
import { createPlane, type Headcount, type PlaneReport, type RoutingPlane } from '../proxy/index.ts';
import { AccessLog } from '../telemetry/access-log.ts';
import type { RequestJournal } from '../telemetry/request-journal.ts';
import { RequestMetrics } from '../telemetry/request-metrics.ts';
import type { NameIndex } from './table/name-index.ts';
import { Table } from './table/table.ts';
import type { TableSource } from './table/table-source.ts';

export type RoutingThreadOptions = {
  /** Part of every request id. */
  readonly number: number;
  readonly directory: string;
  readonly unreadable: readonly StreamName[];
  /** The index of all domain names. */
  readonly names: NameIndex;
  readonly ledger: Ledger;
  /** This thread's; undefined: no journal is kept. */
  readonly journal: RequestJournal | undefined;
  /** Shared by all threads; undefined: this one counts alone. */
  readonly headcount?: Headcount | undefined;
  readonly pseudonym: string;
  readonly secret: string;
  readonly listeners: readonly ListenerSettings[];
  /** Connections to backends, of all threads; 0: any number. */
  readonly mostToBackends: number;
  readonly accessLog: ProcessSettings['accessLog'];
  readonly report: (report: HealthReport) => void;
  /** Asks for a pool's ledger to be created; `plane.awake` is called afterwards. */
  readonly wake: (pool: string) => void;
  readonly warn: (message: string) => void;
  readonly writeLog: (text: string) => void;
};

// `performance.now` starts at 0 in each thread; with timeOrigin all threads share one clock. Kept as a constant, since
// its getter costs more than the clock, which is read several times per request.
const ORIGIN_MS = performance.timeOrigin;
const now = () => ORIGIN_MS + performance.now();

// 1 MiB: the thread reads single rows, whose pages the system caches; a larger cache here would exist once per thread.
const READER_CACHE_KIB = 1024;
const SWEEP_MS = 1000;
const SAY_EVERY_MS = 60_000;

type TableLink = Pick<TableSource, 'isLevel' | 'pause'>;

export class RoutingThread {
  readonly table = new Table();
  readonly plane: RoutingPlane;
  readonly #options: RoutingThreadOptions;
  #reader: LogReader | undefined;
  #sweeping: NodeJS.Timeout | undefined;
  /** When each shortage was last reported. */
  readonly #saidAtMs = new Map<string, number>();

  constructor(options: RoutingThreadOptions) {
    const { ledger, journal, number, pseudonym, secret, mostToBackends, accessLog, writeLog } = options;
    this.#options = options;
    this.plane = createPlane({
      table: this.table,
      ledger,
      settings: { worker: number, pseudonym, secret, mostToBackends },
      now,
      random: Math.random,
      accessLog: accessLog === false ? undefined : new AccessLog(accessLog, writeLog),
      journal,
      metrics: new RequestMetrics(),
      headcount: options.headcount,
      wake: options.wake,
      report: (report) => this.#report(report),
      scarce: (what) => this.#scarce(what),
    });
    this.table.followedBy(this.plane);
  }

  /** From now on, each owner is read from the log when a request first needs it. `link`: to the publisher. */
  load(link: TableLink): void {
    this.table.loadFrom(this.#source(link));
    for (const stream of this.#options.unreadable) this.table.markUnreadable(stream);
    this.#sweeping = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#sweeping.unref();
  }

  #source(link: TableLink): TableSource {
    const { directory, names, ledger } = this.#options;
    // Open first: if that fails, the former reader goes on.
    const reader = openSqliteReader(directory, READER_CACHE_KIB);
    this.#reader?.close();
    this.#reader = reader;
    return {
      names,
      reader,
      reopened: () => this.#source(link),
      ...link,
      // An unreadable log is reported once, however many owners are asked for; damage is reported for each place.
      warn: (error) =>
        error instanceof EventUnreadable ? this.#options.warn(error.message) : this.#scarce(error.message),
      isBusy: (pool) => isBusy(ledger.pool(pool.key)),
      passivated: (pool) => ledger.forget(pool.key),
    };
  }

  #sweep(): void {
    try {
      this.table.sweep();
      this.#options.ledger.forgetGone();
    } catch (error) {
      this.#report({ type: 'request_crashed', requestId: '', error });
    }
  }

  /** To be called when nothing is routed any more. */
  close(): void {
    clearInterval(this.#sweeping);
    this.#reader?.close();
    this.#reader = undefined;
  }

  /** Resolves to the addresses as bound. */
  async listen(): Promise<string[]> {
    const addresses: string[] = [];
    for (const listener of this.#options.listeners) {
      const at = parseHostPort(listener.address);
      if (at === undefined) throw new TypeError(`expected host:port, found ${listener.address}`);
      const bound = await this.plane.listen(listener, { ...at, reusePort: true });
      addresses.push(renderHostPort({ host: bound.address, port: bound.port }));
    }
    return addresses;
  }

  #scarce(what: string): void {
    const nowMs = now();
    if (nowMs < (this.#saidAtMs.get(what) ?? 0) + SAY_EVERY_MS) return;
    this.#saidAtMs.set(what, nowMs);
    this.#options.warn(what);
  }

  #report(report: PlaneReport): void {
    if (report.type !== 'request_crashed') this.#options.report(report as HealthReport);
    else {
      const { error, requestId } = report;
      const what = error instanceof Error ? error.stack : String(error);
      if (requestId !== '') this.#options.warn(`request ${requestId} crashed: ${what}`);
      // Limited, because a failure may repeat at every sweep.
      else this.#scarce(`routing crashed, of no request: ${what}`);
    }
  }
}

/** A request that waits for one of its backends, or has one, may need its view again. */
function isBusy(ledger: PoolLedger | undefined): boolean {
  if (ledger === undefined) return false;
  const { waiting, rows } = ledger.stats();
  return waiting > 0 || rows.some((row) => row.inFlight > 0);
}
