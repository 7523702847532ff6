/** What routes in one thread, whichever thread that is: its table, its plane, its log of requests. */
import type { HealthReport, Ledger } from '../../actors/index.ts';
import { openSqliteReader, type StreamName } from '../../eventlog/index.ts';
import {
  type ListenerSettings,
  type ProcessSettings,
  parseHostPort,
  renderHostPort,
} from '../config/index.ts';
import { createPlane, type PlaneReport, type RoutingPlane } from '../proxy/index.ts';
import { AccessLog } from '../telemetry/access-log.ts';
import type { RequestJournal } from '../telemetry/request-journal.ts';
import { RequestMetrics } from '../telemetry/request-metrics.ts';
import { Table } from './table.ts';

export type RoutingThreadOptions = {
  /** Part of every request id. */
  readonly number: number;
  readonly workers: number;
  readonly directory: string;
  readonly unreadable: readonly StreamName[];
  readonly ledger: Ledger;
  /** Of this thread; undefined: no journal is kept. */
  readonly journal: RequestJournal | undefined;
  readonly pseudonym: string;
  readonly listeners: readonly ListenerSettings[];
  readonly accessLog: ProcessSettings['accessLog'];
  readonly report: (report: HealthReport) => void;
  readonly warn: (message: string) => void;
  readonly writeLog: (text: string) => void;
};

// All threads measure against the same clock: `performance` alone starts anew in each of them.
// The getter of timeOrigin costs more than the clock, and this is asked several times a request.
const ORIGIN_MS = performance.timeOrigin;
const now = () => ORIGIN_MS + performance.now();

export class RoutingThread {
  readonly table = new Table();
  readonly plane: RoutingPlane;
  readonly #options: RoutingThreadOptions;

  constructor(options: RoutingThreadOptions) {
    const { ledger, journal, number, workers, pseudonym, accessLog, writeLog } = options;
    this.#options = options;
    this.plane = createPlane({
      table: this.table,
      ledger,
      settings: { worker: number, workers, pseudonym },
      now,
      random: Math.random,
      accessLog: accessLog === false ? undefined : new AccessLog(accessLog, writeLog),
      journal,
      metrics: new RequestMetrics(),
      report: (report) => this.#report(report),
    });
    this.table.cutBy((pool, backend, atMs) => this.plane.cutAt(pool, backend, atMs));
  }

  /** What the log's current rows say. Events up to then are known. */
  load(): void {
    const reader = openSqliteReader(this.#options.directory);
    try {
      this.table.load(reader, (error) => {
        this.table.lose(error.stream as StreamName);
        this.#options.warn(error.message);
      });
      for (const stream of this.#options.unreadable) this.table.lose(stream);
    } finally {
      reader.close();
    }
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

  #report(report: PlaneReport): void {
    if (report.type !== 'request_crashed') this.#options.report(report as HealthReport);
    else {
      const { error, requestId } = report;
      this.#options.warn(
        `request ${requestId} crashed: ${error instanceof Error ? error.stack : String(error)}`,
      );
    }
  }
}
