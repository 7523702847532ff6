/**
 * Pools that were created without being woken, as an import or a large `apply` does, while there are so few in all that
 * every pool is kept awake. Health checks, metrics and `starting` backends depend on that.
 */
import {
  type EventType,
  kindOf,
  LogUnavailable,
  ownerNameOf,
  type PoolName,
  poolStream,
  type StreamName,
  streamsOf,
} from '../../eventlog/index.ts';
import type { LogKeeper } from '../log-keeper.ts';
import type { SupervisedOwners } from './owners.ts';

const CREATES_POOLS: ReadonlySet<EventType> = new Set(['PoolCreated']);

export type NewcomersOptions = {
  readonly log: LogKeeper;
  readonly owners: SupervisedOwners;
  /** With more pools than this, none is woken without being used. */
  readonly most: number;
};

export class Newcomers {
  readonly #options: NewcomersOptions;
  readonly #asleep = new Set<PoolName>();
  readonly #unsubscribe: () => void;
  #areTooMany = false;

  constructor(options: NewcomersOptions) {
    this.#options = options;
    this.#unsubscribe = options.log.onAppended((happened) => {
      if (!happened.hasAny(CREATES_POOLS)) return;
      const { packed } = happened;
      this.#note(packed === undefined ? happened.events.map(({ stream }) => stream) : streamsOf(packed));
    });
  }

  /** There are more pools than are all kept awake. It stays so until the next start. */
  get areTooMany(): boolean {
    return this.#areTooMany;
  }

  #note(streams: Iterable<string>): void {
    const { owners, most } = this.#options;
    for (const stream of streams) {
      const name = ownerNameOf(stream) as PoolName;
      if (kindOf(stream) === 'pool' && !owners.isAwake(poolStream(name))) this.#asleep.add(name);
    }
    if (owners.awakeCount + this.#asleep.size > most) this.tooMany();
  }

  tooMany(): void {
    this.#areTooMany = true;
    this.stop();
  }

  /** Wakes those that came since the last call and have not been removed meanwhile. */
  async wake(): Promise<void> {
    if (this.#asleep.size === 0) return;
    const { owners } = this.#options;
    const streams = [...this.#asleep].map(poolStream);
    const absent = await this.#absentAmong(streams);
    // Meanwhile there may have come too many.
    if (absent === undefined || this.#areTooMany) return;
    const present = streams.filter((stream) => !absent.has(stream));
    for (const stream of streams) this.#asleep.delete(ownerNameOf(stream) as PoolName);
    await owners.startPools(present.map((stream) => ownerNameOf(stream) as PoolName));
  }

  /** Undefined: the log cannot be read now. */
  async #absentAmong(streams: readonly StreamName[]): Promise<ReadonlySet<StreamName> | undefined> {
    try {
      return new Set(await this.#options.log.absentAmong(streams));
    } catch (error) {
      if (error instanceof LogUnavailable) return undefined;
      throw error;
    }
  }

  stop(): void {
    this.#unsubscribe();
    this.#asleep.clear();
  }
}
