/** The admin API as a child of the tree: each time it is started it gets the address that it had first. */
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

/** What it speaks for. Functions are of what is made later, or made anew. */
export type AdminOf = {
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
  /** All addresses of this router, the admin's among them. */
  readonly addresses: () => readonly string[];
  readonly ready: () => Check;
  readonly replace: (worker: number | undefined, waitMs: number) => Promise<ReplaceAnswer>;
};

export class AdminChild {
  /** Before the first start it may have port 0. */
  address: string;
  readonly #of: AdminOf;
  #admin: Admin | undefined;
  /** The address is another process's. */
  #hasLeft = false;

  constructor(of: AdminOf) {
    this.#of = of;
    this.address = of.config.admin.address;
  }

  /** Who waits there for a drain or follows events is let go. */
  letGo(): void {
    this.#admin?.letGo();
  }

  /** Another process has the address from now on. */
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
    const { config, logger, history, planner, importer, confirmations, successions } = this.#of;
    const { log, ready, replace } = this.#of;
    const { names, token } = config.admin;
    const system = this.#of.system();
    const figures = this.#of.figures();
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
      confirmations,
      successions,
      actors: (page) => system.actors(page),
      ...(this.#of.chaos ? { chaos } : {}),
      ledger: (pool) => figures.pool(pool),
      checkpoint: (pool) => figures.checkpoint(pool),
      drained: (pool, id, gone) => system.drained(pool, id, gone),
      metrics: () => figures.metrics(),
      health: () => figures.health(),
      ready,
      archive: (wish, signal) => archiveLog(archiving, wish, signal),
      replace,
      ownAddresses: () => ({ listeners: this.#of.addresses(), local: localAddresses() }),
      names,
      logger,
      connections: operatorsWithin(systemLimit('Max open files') ?? Number.POSITIVE_INFINITY),
      // The ledger's and the workers': the deadline of a drain is theirs to keep, also when the wall clock is set.
      now: systemClock.now,
      ...(token === undefined ? {} : { token }),
    });
  }
}
