/** The admin API as a child of the tree: each time it starts it gets the address that it had first. */
import { type ChildSpec, type CrashPoint, type System, systemClock } from '../../actors/index.ts';
import type { LocalLog } from '../../eventlog/index.ts';
import { type Admin, type Check, type Confirmations, createAdmin, type Successions } from '../admin/index.ts';
import { type Config, localAddresses } from '../config/index.ts';
import { archiveLog, type HistoryThread } from '../history/index.ts';
import type { ImportThread } from '../import/index.ts';
import type { ProcessLog } from '../telemetry/process-log.ts';
import { systemLimit } from '../threads/index.ts';
import type { ReplaceAnswer } from '../workers/index.ts';
import { operatorsWithin } from './descriptors.ts';
import type { Figures } from './figures.ts';
import type { Planner } from './planner.ts';

/** What the admin API needs. The functions return things that are created later, or more than once. */
export type AdminChildOptions = {
  readonly config: Config;
  readonly chaos: boolean;
  readonly logger: ProcessLog;
  readonly system: () => System;
  readonly figures: () => Figures;
  readonly log: () => LocalLog;
  readonly history: HistoryThread;
  readonly planner: Planner;
  readonly importer: ImportThread;
  readonly confirmations: Confirmations;
  readonly successions: Successions;
  /** All addresses of this router, including the admin's. */
  readonly addresses: () => readonly string[];
  readonly ready: () => Check;
  readonly replace: (worker: number | undefined, waitMs: number) => Promise<ReplaceAnswer>;
};

export class AdminChild {
  /** Its port may be 0 until the first start. */
  address: string;
  readonly #options: AdminChildOptions;
  #admin: Admin | undefined;
  /** Another process has taken the address. */
  #hasLeft = false;

  constructor(options: AdminChildOptions) {
    this.#options = options;
    this.address = options.config.admin.address;
  }

  /** Ends calls that wait for a drain or follow events. */
  letGo(): void {
    this.#admin?.letGo();
  }

  /** From now on the address belongs to another process. */
  async leave(): Promise<void> {
    this.#hasLeft = true;
    await this.#admin?.leave();
  }

  childSpec(): ChildSpec {
    return {
      id: 'admin',
      kind: 'admin',
      restart: 'permanent',
      shutdownMs: 5000,
      start: async () => {
        const admin = this.#made();
        if (!this.#hasLeft) this.address = await admin.listen(this.address);
        this.#admin = admin;
        return { stop: () => admin.close() };
      },
    };
  }

  #made(): Admin {
    const { config, logger, history, planner, importer, confirmations, successions } = this.#options;
    const { log, ready, replace } = this.#options;
    const { names, token } = config.admin;
    const system = this.#options.system();
    const figures = this.#options.figures();
    const archiving = {
      history,
      directory: config.data,
      log,
      alone: <T>(work: () => Promise<T>) => system.desk.alone(work),
    };
    const chaos = (wish: { readonly crash: string; readonly at?: CrashPoint }) =>
      system.sabotage(wish.crash, wish.at);
    return createAdmin({
      desk: system.desk,
      log: system.log,
      importer,
      history,
      comparer: planner.comparer,
      restorer: planner.thread,
      confirmations,
      successions,
      actors: (page) => system.actors(page),
      ...(this.#options.chaos ? { chaos } : {}),
      ledger: (pool) => figures.pool(pool),
      checkpoint: (pool) => figures.checkpoint(pool),
      drained: (pool, id, gone) => system.drained(pool, id, gone),
      metrics: () => figures.metrics(),
      health: () => figures.health(),
      ready,
      archive: (wish, signal) => archiveLog(archiving, wish, signal),
      replace,
      ownAddresses: () => ({ listeners: this.#options.addresses(), local: localAddresses() }),
      names,
      logger,
      connections: operatorsWithin(systemLimit('Max open files') ?? Number.POSITIVE_INFINITY),
      // The clock of the ledger and the workers: they keep the deadline of a drain, even if the wall clock is set.
      now: systemClock.now,
      ...(token === undefined ? {} : { token }),
    });
  }
}
