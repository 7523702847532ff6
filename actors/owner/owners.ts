/**
 * The owners of all streams: started when somebody asks for them, restarted from the log when they fail, parked when they
 * fail too often. While an owner is parked, what it last published stays in force, but it takes no commands.
 */
import {
  type EventLog,
  kindOf,
  LogUnavailable,
  mayPass,
  ownerNameOf,
  type PoolName,
  poolStream,
  type Recorded,
  type StreamName,
  type Version,
} from '../../eventlog/index.ts';
import type { Chaos } from '../chaos.ts';
import type { Command } from '../desk/command.ts';
import { type Owners, OwnerUnavailable, type Proposal } from '../desk/desk-owners.ts';
import { domainDecider } from '../domain/domain.ts';
import type { LedgerKeeper } from '../pool/ledger-keeper.ts';
import { poolDecider } from '../pool/pool.ts';
import { awaitsProbes, type PoolState } from '../pool/pool-state.ts';
import { type ChildContext, DynamicSupervisor, type Settled, type World } from '../supervision/index.ts';
import { foldOf, stateAsleep, statesAsleep } from './asleep.ts';
import { decideFrom, streamOf } from './owned.ts';
import type { OwnerContext } from './owner.ts';
import { type AnyDecider, OwnerChild } from './owner-child.ts';

export type OwnersOptions = {
  readonly log: EventLog;
  readonly keeper: LedgerKeeper;
  readonly chaos: Chaos;
  readonly world: World;
  /** Is told which backends the pool now has, each with its health. */
  readonly backendsOf: (pool: PoolName, state: PoolState) => void;
};

// Thirty crashes in ten seconds are a fault that a restart does not repair; fewer may be bad luck, or a test.
const WINDOW = { intensity: 30, periodMs: 10_000 } as const;
const SHUTDOWN_MS = 1000;
// A domain's owner is only needed while the domain is changed; requests use what was published.
const MAX_ACTIVE_DOMAINS = 1000;
// A command for more owners than this wakes none of them: it would only displace those that are in use.
const BULK = 100;
// An owner that fails this often over the same command is not asked again.
const TRIES = 3;

const DECIDERS = { domain: domainDecider, pool: poolDecider } satisfies Record<string, AnyDecider>;

export class SupervisedOwners implements Owners {
  readonly domains: DynamicSupervisor<OwnerChild>;
  readonly pools: DynamicSupervisor<OwnerChild>;
  readonly #options: OwnersOptions;
  /** Names of active domain owners, the least recently asked first. */
  readonly #recent = new Set<string>();

  constructor(options: OwnersOptions) {
    this.#options = options;
    this.domains = this.#supervisor('domain');
    this.pools = this.#supervisor('pool');
  }

  async decide(stream: StreamName, command: Command): Promise<Proposal> {
    for (let failures = 0; failures < TRIES; ) {
      const { owner, known } = await this.#awake(stream);
      // It failed for another reason between its start and now.
      if (owner.isOver) continue;
      const decision = owner.decide(command);
      if (decision !== undefined) return { decision, ...known };
      failures += 1;
    }
    throw unavailable(stream, `failed over this command ${TRIES} times`, 1000);
  }

  /**
   * Owners that are awake decide themselves. In a bulk, the row of a sleeping owner is enough: nothing about it is kept
   * here.
   */
  async decideAll(commands: readonly Command[]): Promise<readonly Proposal[]> {
    const proposals: Proposal[] = [];
    const asleep: { readonly place: number; readonly command: Command }[] = [];
    for (let place = 0; place < commands.length; place++) {
      const command = commands[place]!;
      const stream = streamOf(command);
      if (commands.length <= BULK || this.isAwake(stream))
        proposals[place] = await this.decide(stream, command);
      else asleep.push({ place, command });
    }
    const states = await statesAsleep(
      this.#options.log,
      asleep.map(({ command }) => streamOf(command)),
    );
    for (let index = 0; index < asleep.length; index++) {
      const { place, command } = asleep[index]!;
      const { state, version } = states[index]!;
      proposals[place] = { decision: decideFrom(command, state), state, version };
    }
    return proposals;
  }

  /** Terminates: an owner that fails again and again is parked, and a parked owner is not waited for. */
  async bringUpTo(stream: StreamName, version: Version, events: readonly Recorded[]): Promise<void> {
    while (this.isAwake(stream)) {
      const { owner, known } = await this.#awake(stream);
      if (owner.isOver) continue;
      // An owner that was rebuilt meanwhile has read these events from the log, and was aligned when it started.
      if (known.version >= version) await owner.aligned;
      else await owner.record(await this.#missing(stream, known.version, version, events));
      if ((owner.known?.version ?? 0) >= version) return;
    }
  }

  async state(stream: StreamName): Promise<OwnerContext<unknown>> {
    if (this.isAwake(stream)) return (await this.#awake(stream)).known;
    return stateAsleep(this.#options.log, stream);
  }

  rebuild(stream: StreamName): void {
    this.#lookup(stream)?.crash(new Error(`${stream} was behind the log`));
  }

  /**
   * Called when a request needs the pool's ledger. False: there is no such pool, or its owner is unavailable. Never
   * rejects.
   */
  async wake(pool: PoolName): Promise<boolean> {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      try {
        const { known } = await this.#awake(poolStream(pool));
        if (known.state === null) return false;
        // If not, it was on its way to sleep.
        if (this.#options.keeper.ticket(pool) > 0) return true;
      } catch (error) {
        if (!(error instanceof OwnerUnavailable || error instanceof LogUnavailable)) this.fail(pool, error);
        return false;
      }
    }
    return false;
  }

  /** A mistake of ours in work for a pool counts as a crash of its owner; it is reported even if no owner runs. */
  fail(pool: PoolName, error: unknown): void {
    const { observers, clock } = this.#options.world;
    const owner = this.pools.lookup(pool);
    if (owner !== undefined) owner.crash(error as Error);
    else observers.tell({ type: 'crashed', error, id: `pool:${pool}`, kind: 'pool', atMs: clock.now() });
  }

  awake(): Iterable<PoolName> {
    return this.pools.names() as Iterable<PoolName>;
  }

  get awakeCount(): number {
    return this.pools.size;
  }

  ticket(pool: PoolName): number {
    return this.#options.keeper.ticket(pool);
  }

  /**
   * Stops the owner and frees what belongs to it, if nobody used the pool's ledger since that ticket and no probe has yet to
   * find that a backend is up.
   */
  async sleep(pool: PoolName, ticket: number): Promise<boolean> {
    const owner = this.pools.lookup(pool);
    const { keeper, backendsOf } = this.#options;
    const known = owner?.known;
    if (known === undefined || awaitsProbes(known.state as PoolState)) return false;
    // A pool that was removed has no ledger any more.
    if (ticket > 0 && !(await keeper.rest(pool, ticket, known.version))) return false;
    void this.pools.stop(pool);
    backendsOf(pool, null);
    return true;
  }

  /** Starts these pools, and those that still have a ledger, which may have to be brought in line. */
  async startPools(few: readonly PoolName[]): Promise<void> {
    const names = [...new Set([...few, ...this.#options.keeper.pools()])];
    for (const name of names) this.pools.ensure(name);
    await Promise.all(names.map((name) => this.pools.whenRunning(name)));
  }

  /** A repeated command brings no events along; an owner that lacks them reads them from the log. */
  async #missing(stream: StreamName, known: Version, version: Version, events: readonly Recorded[]) {
    if (events[0]?.version === known + 1) return events;
    return this.#options.log.readStream(stream, { from: known + 1, to: version });
  }

  #supervisor(kind: 'domain' | 'pool'): DynamicSupervisor<OwnerChild> {
    const start = (context: ChildContext) => this.#start(kind, context);
    return new DynamicSupervisor<OwnerChild>(
      { id: `${kind}s`, kind, restart: 'permanent', shutdownMs: SHUTDOWN_MS, start, ...WINDOW },
      this.#options.world,
    );
  }

  async #start(kind: 'domain' | 'pool', context: ChildContext): Promise<OwnerChild> {
    const { log, chaos } = this.#options;
    const name = context.id;
    const id = `${kind}:${name}`;
    const stream = `${kind}-${name}` as StreamName;
    const fold = await foldOf(log, stream);
    chaos.reach(id, 'in-activation');
    const align = (state: unknown, version: Version) => this.#align(kind, name, id, state, version);
    await align(fold.state, fold.version);
    return new OwnerChild({ id, stream, decider: DECIDERS[kind], chaos, fold, align }, context);
  }

  async #align(
    kind: 'domain' | 'pool',
    name: string,
    id: string,
    state: unknown,
    version: Version,
  ): Promise<void> {
    if (kind === 'domain') return;
    const { keeper, chaos, backendsOf } = this.#options;
    const pool = state as PoolState;
    await keeper.follow(name as PoolName, pool, version, () => chaos.reach(id, 'in-ledger'));
    backendsOf(name as PoolName, pool);
  }

  /** If not, nothing is kept of the owner here or in the ledger, which outlives an owner that crashed. */
  isAwake(stream: StreamName): boolean {
    const name = ownerNameOf(stream);
    if (this.#of(stream).status(name).type !== 'absent') return true;
    return kindOf(stream) === 'pool' && this.#options.keeper.has(name as PoolName);
  }

  #lookup(stream: StreamName): OwnerChild | undefined {
    return this.#of(stream).lookup(ownerNameOf(stream));
  }

  /**
   * Resolves to an owner that is running in this turn of the loop: it may have failed again between its start and the end
   * of the wait.
   */
  async #awake(stream: StreamName): Promise<{ owner: OwnerChild; known: OwnerContext<unknown> }> {
    for (;;) {
      const owner = await this.#running(stream);
      const { known } = owner;
      if (known !== undefined) return { owner, known };
    }
  }

  async #running(stream: StreamName): Promise<OwnerChild> {
    const supervisor = this.#of(stream);
    const name = ownerNameOf(stream);
    const before = supervisor.status(name);
    if (before.type === 'absent' || (before.type === 'parked' && mayPass(before.error))) {
      // Do not start an owner that would fail because the log cannot be read: the caller gets the error of the log instead.
      await this.#options.log.version(stream);
      supervisor.hasten(name);
    }
    supervisor.ensure(name);
    const settled: Settled<OwnerChild> = await supervisor.whenRunning(name);
    if (settled.type === 'absent') {
      // It was displaced by others before it ran.
      if (supervisor.ensure(name).type !== 'absent') return this.#running(stream);
      throw unavailable(stream, 'is not running: the router is starting or stopping', 1000);
    }
    // Only now: an owner that is still starting has yet to be asked.
    if (supervisor === this.domains) this.#passivate(name);
    if (settled.type === 'running') return settled.running;
    const reason = settled.error instanceof Error ? settled.error.message : String(settled.error);
    const waitMs = Math.max(0, settled.retryAtMs - this.#options.world.clock.now());
    throw unavailable(stream, `is parked after too many failures, the last: ${reason}`, waitMs);
  }

  /** Stops the least recently asked owner. If it is in the middle of a command, it is simply rebuilt to complete it. */
  #passivate(used: string): void {
    this.#recent.delete(used);
    this.#recent.add(used);
    if (this.#recent.size <= MAX_ACTIVE_DOMAINS) return;
    const [oldest] = this.#recent;
    if (oldest === undefined) return;
    this.#recent.delete(oldest);
    void this.domains.stop(oldest);
  }

  #of(stream: StreamName): DynamicSupervisor<OwnerChild> {
    return kindOf(stream) === 'domain' ? this.domains : this.pools;
  }
}

function unavailable(stream: StreamName, what: string, retryAfterMs: number): OwnerUnavailable {
  return new OwnerUnavailable(`the owner of ${stream} ${what}`, retryAfterMs);
}
