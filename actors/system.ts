/**
 * The supervision tree, in start order.
 *
 *   switchyard           one_for_one
 *   ├── …                what records what all the others do: the journal
 *   ├── history          rest_for_one: the feed reads from the log
 *   │   ├── log              the event log
 *   │   └── feed             tells the workers what was recorded
 *   ├── owners           rest_for_one: pools are activated again if what they need was lost
 *   │   ├── backends         one health machine each; parked, never escalating
 *   │   ├── health           takes the workers' reports
 *   │   ├── pools            one owner each; parked, never escalating
 *   │   ├── domains          likewise
 *   │   ├── activation       wakes pools, since a request needs their ledger, and puts them to sleep
 *   │   └── capacity         reports which pools want more backends
 *   └── …                what the outside world adds: workers, admin
 *
 * The lease ledger is in no branch: its memory outlives everything that works on it.
 */
import {
  type BackendId,
  type CapacityWant,
  type EventLog,
  mayPass,
  type PoolName,
  type StreamName,
} from '../eventlog/index.ts';
import { type ArmedChaos, type CrashPoint, noChaos, Sabotage } from './chaos.ts';
import type { LendingDesk } from './desk/command.ts';
import { newCommandId } from './desk/command-id.ts';
import { RoutingDesk } from './desk/desk.ts';
import { Feed, type Publish } from './feed.ts';
import { Health } from './health.ts';
import { LogKeeper } from './log-keeper.ts';
import { Activation } from './owner/activation.ts';
import { SupervisedOwners } from './owner/owners.ts';
import { CapacityWatch } from './pool/capacity-watch.ts';
import { type DrainEnd, type Drained, Drains } from './pool/drains.ts';
import type { MainLedger } from './pool/ledger/index.ts';
import { LedgerKeeper } from './pool/ledger-keeper.ts';
import type { PoolState } from './pool/pool-state.ts';
import {
  type ActorPage,
  type Census,
  type ChildSpec,
  type Clock,
  createWorld,
  type PageOptions,
  type SupervisionListener,
  supervisorChild,
  Tree,
  type World,
} from './supervision/index.ts';

export type SystemOptions = {
  readonly openLog: () => EventLog | Promise<EventLog>;
  readonly publish: Publish;
  readonly ledger: MainLedger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly chaos: ArmedChaos | undefined;
  /** Started first, stopped last. */
  readonly recording?: (world: World) => readonly ChildSpec[];
  /** Is told of every pool whose ledger is made or changed: shared memory knows names only by their keys. */
  readonly named?: (pool: string, backends: Iterable<string>) => void;
  /** Started last, stopped first. */
  readonly outside: (world: World) => readonly ChildSpec[];
  /** Work that must be done before anything outside starts. */
  readonly prepare: () => Promise<void>;
  readonly observe: SupervisionListener;
  /** Is told the current state of every pool. */
  readonly followed?: (pool: PoolName, state: PoolState) => void;
  /** The tree gave up: the process cannot go on. */
  readonly failed: (error: unknown) => void;
};

// If the static parts crash more than ten times in ten seconds, another restart will not help.
const STATIC = { intensity: 10, periodMs: 10_000 } as const;
export class System {
  readonly log: LogKeeper;
  readonly feed: Feed;
  readonly owners: SupervisedOwners;
  readonly health: Health;
  readonly capacity: CapacityWatch;
  readonly desk: LendingDesk;
  readonly #drains: Drains;
  readonly #tree: Tree;
  readonly #options: SystemOptions;

  constructor(options: SystemOptions) {
    this.#options = options;
    const { ledger, clock, random } = options;
    const world = createWorld(clock, random, mayPass);
    world.observers.observe(options.observe);
    this.log = new LogKeeper(options.openLog);
    this.feed = new Feed(this.log, options.publish);
    this.capacity = new CapacityWatch({
      ledger,
      clock,
      record: (pool, want) => this.#recordWant(pool, want),
    });
    this.#drains = new Drains({
      ledger,
      clock,
      record: (end) => this.#recordDrained(end),
      failed: (pool, error) => this.owners.fail(pool, error),
    });
    this.health = new Health({ world, desk: () => this.desk });
    this.owners = new SupervisedOwners({
      log: this.log,
      keeper: new LedgerKeeper({
        ledger,
        now: clock.now,
        random,
        named: options.named ?? (() => {}),
        restricted: (pool, state) => {
          this.#drains.follow(pool, state);
          this.capacity.follow(pool, state);
        },
        rested: (pool) => {
          this.#drains.rested(pool);
          this.capacity.follow(pool, null);
        },
      }),
      chaos: options.chaos ?? noChaos,
      world,
      backendsOf: (pool, state) => {
        this.health.follow(pool, state);
        options.followed?.(pool, state);
      },
    });
    this.desk = new RoutingDesk({
      log: this.log,
      owners: this.owners,
      published: (position) => this.feed.published(position),
      newCommandId,
    });
    const activation = new Activation({
      log: this.log,
      owners: this.owners,
      clock,
      prepare: options.prepare,
    });
    this.#tree = new Tree(
      supervisorChild(
        {
          id: 'switchyard',
          strategy: 'one_for_one',
          ...STATIC,
          children: [
            ...(options.recording?.(world) ?? []),
            supervisorChild(
              {
                id: 'history',
                strategy: 'rest_for_one',
                ...STATIC,
                children: [this.log.childSpec(), this.feed.childSpec()],
              },
              world,
            ),
            supervisorChild(
              {
                id: 'owners',
                strategy: 'rest_for_one',
                ...STATIC,
                children: [
                  this.health.backends.childSpec(),
                  this.health.childSpec(),
                  this.owners.pools.childSpec(),
                  this.owners.domains.childSpec(),
                  activation.childSpec(),
                  this.capacity.childSpec(),
                ],
              },
              world,
            ),
            ...options.outside(world),
          ],
        },
        world,
      ),
      world,
    );
    void this.#tree.ended.then((end) => {
      if (end.type === 'crashed') options.failed(end.error);
    });
  }

  start(): Promise<void> {
    return this.#tree.start();
  }

  async stop(): Promise<void> {
    await this.#tree.stop();
    this.#drains.stop();
    // Otherwise commands that still wait for a turn would wait for the log one after the other, each for as long as a
    // restart takes.
    this.log.end();
    this.feed.end();
  }

  /** Why commands are refused; undefined: as far as is known, they are not. */
  get trouble(): Error | undefined {
    return this.desk.trouble ?? this.log.trouble;
  }

  /** Closes the log and opens it again, as its supervisor does after a crash: at once, or when it becomes available. */
  reopenLog(why: Error): void {
    this.#tree.crash('log', why);
  }

  /** Resolves when a drained or removed backend has nothing under way; undefined: the caller went away. */
  drained(pool: PoolName, id: BackendId, gone: AbortSignal): Promise<Drained | undefined> {
    return this.#drains.ended(pool, id, this.#poolState(pool), gone);
  }

  actors(page: PageOptions): ActorPage {
    return this.#tree.list(page);
  }

  census(): Census {
    return this.#tree.census();
  }

  /** Makes an actor fail as a bug would. If its kind never passes the point, it fails at once. */
  async sabotage(id: string, at?: CrashPoint): Promise<'done' | 'not_running' | 'unknown'> {
    const { chaos } = this.#options;
    if (chaos === undefined || !(await this.#wake(id))) return 'unknown';
    if (at !== undefined && passes(id, at)) {
      chaos.arm(id, at);
      if (at !== 'in-activation') return 'done';
    }
    const answer = this.#tree.crash(id, new Sabotage(id, at ?? 'at once'));
    return answer === 'crashed' ? 'done' : answer;
  }

  #poolState(pool: PoolName): PoolState {
    return (this.owners.pools.lookup(pool)?.known?.state ?? null) as PoolState;
  }

  /** A final rejection, such as of a backend that is gone, counts as recorded; a full log or a parked owner does not. */
  async #recordDrained({ pool, id, untilMs, counts }: DrainEnd): Promise<boolean> {
    try {
      const command = { type: 'ConcludeDrain', pool, id, untilMs, ...counts } as const;
      const answer = await this.desk.ask(command, { author: 'switchyard' });
      return answer.type === 'done' || answer.rejection.type.endsWith('_not_found');
    } catch (error) {
      this.owners.fail(pool, error);
      return false;
    }
  }

  /** If it is rejected (the log is full, the pool is gone), a want that persists is reported again. */
  #recordWant(pool: PoolName, want: CapacityWant): void {
    this.desk
      .ask({ type: 'WantCapacity', pool, want }, { author: 'switchyard' })
      .catch((error: unknown) => this.owners.fail(pool, error));
  }

  /** Starts an owner that nobody has asked for yet. False: there is none. */
  async #wake(id: string): Promise<boolean> {
    const owner = /^(pool|domain):(.+)$/.exec(id);
    if (owner === null) return true;
    const stream = `${owner[1]}-${owner[2]}` as StreamName;
    if ((await this.log.version(stream)) === 0) return false;
    const supervisor = owner[1] === 'pool' ? this.owners.pools : this.owners.domains;
    supervisor.ensure(owner[2] ?? '');
    await supervisor.whenRunning(owner[2] ?? '');
    return true;
  }
}

function passes(id: string, point: CrashPoint): boolean {
  if (point === 'stall') return false;
  if (id.startsWith('pool:')) return true;
  return id.startsWith('domain:') && point !== 'in-ledger';
}
