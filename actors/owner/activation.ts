/**
 * Decides which pools are awake. A small number is woken at the start, so that first requests find a ledger and backends are
 * probed; of a large number none is woken until somebody asks for it. It runs whenever `owners` starts; then, once a second,
 * it wakes newcomers while there are few pools, and puts pools to sleep that nobody has used for long.
 */
import { ownerNameOf, type PoolName } from '../../eventlog/index.ts';
import type { LogKeeper } from '../log-keeper.ts';
import {
  type ChildContext,
  type ChildSpec,
  type Clock,
  crashed,
  type Running,
} from '../supervision/index.ts';
import { Newcomers } from './newcomers.ts';
import type { SupervisedOwners } from './owners.ts';
import { Passivation } from './passivation.ts';

export type ActivationOptions = {
  readonly log: LogKeeper;
  readonly owners: SupervisedOwners;
  readonly clock: Clock;
  /** Work that must be done before anything outside starts. */
  readonly prepare: () => Promise<void>;
};

// An awake pool costs about six kilobytes here, ten more once it has actors, and one or two in each worker. Up to this
// number all are always awake.
const MOST_AWAKE = 1000;
// With more pools, this many may stay awake without being used.
const AWAKE_OF_MANY = 250;
const PASSIVATION_MS = 1000;

export class Activation {
  readonly #options: ActivationOptions;
  #prepared: Promise<void> | undefined;

  constructor(options: ActivationOptions) {
    this.#options = options;
  }

  childSpec(): ChildSpec {
    return {
      id: 'activation',
      kind: 'activation',
      restart: 'transient',
      shutdownMs: 'brutal',
      start: async (context) => {
        const { log, owners } = this.#options;
        const newcomers = new Newcomers({ log, owners, most: MOST_AWAKE });
        try {
          const page = await log.currents({ kind: 'pool', limit: MOST_AWAKE + 1 });
          if (page.length > MOST_AWAKE) newcomers.tooMany();
          const few = newcomers.areTooMany ? [] : page;
          await owners.startPools(few.map((row) => ownerNameOf(row.stream) as PoolName));
          await this.#prepareOnce();
          await newcomers.wake();
        } catch (error) {
          newcomers.stop();
          throw error;
        }
        return this.#drowsing(context, newcomers);
      },
    };
  }

  #prepareOnce(): Promise<void> {
    this.#prepared ??= this.#options.prepare();
    return this.#prepared;
  }

  #drowsing(context: ChildContext, newcomers: Newcomers): Running {
    const { clock, owners } = this.#options;
    const most = () => (newcomers.areTooMany ? AWAKE_OF_MANY : MOST_AWAKE);
    const passivation = new Passivation({ most, now: clock.now, pools: owners });
    let cancel = clock.setTimer(turn, PASSIVATION_MS);
    let isOver = false;
    async function look() {
      await newcomers.wake();
      await passivation.look();
    }
    function turn() {
      look().then(
        () => {
          // It may have been stopped meanwhile.
          if (!isOver) cancel = clock.setTimer(turn, PASSIVATION_MS);
        },
        (error: unknown) => {
          if (!isOver) crash(error);
        },
      );
    }
    const stop = () => {
      isOver = true;
      cancel();
      newcomers.stop();
    };
    const crash = (error: unknown) => {
      stop();
      context.exited(crashed(error));
    };
    return { stop, crash };
  }
}
