/**
 * Probes the backends of pools with active health checks. Main thread only. A backend that fails often enough in a
 * row is closed in the ledger at once, whatever the state of the others; its health machine tells the log.
 */
import type { LookupFunction } from 'node:net';
import {
  type ChildContext,
  type ChildSpec,
  crashed,
  type HealthReport,
  keyOf,
  LedgerBusy,
  type MainLedger,
  type PoolState,
  type Running,
  WELL,
} from '../../actors/index.ts';
import {
  type BackendId,
  type BackendSettings,
  completeBackend,
  completePool,
  type PoolName,
  type PoolSettings,
  statusRange,
} from '../../eventlog/index.ts';
import { addressOf } from '../workers/index.ts';
import { type ProbeResult, probe } from './probe.ts';
import { nextProbeInMs, ProbeStreak } from './probe-streak.ts';
import { Turnstile } from './turnstile.ts';

export type ProberOptions = {
  readonly ledger: MainLedger;
  readonly now: () => number;
  readonly random: () => number;
  /** Resolves a backend's name to addresses, as for requests, so that a probe reaches the same server. */
  readonly lookup: LookupFunction;
  readonly report: (report: HealthReport) => void;
  /** Called when a backend is closed after failing often enough in a row; `why`: what its last probe found. */
  readonly failing: (pool: PoolName, id: BackendId, why: string) => void;
  /** Called when probes fail for lack of our own resources: once, until a probe could be made again. */
  readonly hindered: (why: string) => void;
  /** Called when a starting backend passes at this address, and so should be up. */
  readonly started: (pool: PoolName, id: BackendId, address: string) => void;
};

type Rules = Exclude<PoolSettings['health']['active'], false>;

/** What is to be probed, and how. */
type Wish = {
  readonly pool: PoolName;
  readonly id: BackendId;
  rules: Rules;
  limits: PoolSettings['limits'];
  backend: BackendSettings;
};

type Target = Wish & {
  readonly streak: ProbeStreak;
  timer: NodeJS.Timeout | undefined;
  /** The state that the ledger should have. */
  isClosed: boolean;
};

/** What ends with the prober: waiting probes are dropped, and running ones aborted. */
type Life = { readonly turnstile: Turnstile; readonly end: AbortController };

// 64: if all backends hang for two seconds, 32 a second are found out. 48 of one pool, since those may hang for longer.
const AT_ONCE = { inAll: 64, ofGroup: 48 } as const;
// When to try again if the ledger was locked: a live holder is done in microseconds.
const AGAIN_MS = 2;

export class Prober {
  readonly #options: ProberOptions;
  readonly #targets = new Map<string, Target>();
  readonly #pools = new Map<PoolName, ReadonlySet<string>>();
  #life: Life | undefined;
  #isHindered = false;
  /** An exception of ours in handling a result ends this life of the prober, and nothing else. */
  #failed: (error: unknown) => void = () => {};
  readonly counts = { passed: 0, failed: 0 };

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  childSpec(): ChildSpec {
    return {
      id: 'prober',
      kind: 'prober',
      restart: 'permanent',
      shutdownMs: 'brutal',
      start: (context) => this.#start(context),
    };
  }

  /** Takes over the pool's settings and backends as they are now. */
  follow(pool: PoolName, state: PoolState): void {
    const present = new Set<string>();
    const settings = state === null ? undefined : completePool(state.settings);
    const rules = settings?.health.active ?? false;
    for (const [id, its] of Object.entries(state?.backends ?? {})) {
      const backend = completeBackend(its.backend);
      // A draining backend gets no requests, whatever its probes find.
      if (settings === undefined || rules === false || backend.state === 'draining') continue;
      const wish = { pool, id: id as BackendId, rules, limits: settings.limits, backend };
      present.add(nameOf(wish));
      this.#watch(wish, (its.health ?? WELL).probes === 'failing');
    }
    for (const name of this.#pools.get(pool) ?? []) if (!present.has(name)) this.#forget(name);
    if (present.size === 0) this.#pools.delete(pool);
    else this.#pools.set(pool, present);
  }

  /** `isFailing`: according to the log, for a backend that is not probed yet. */
  #watch(wish: Wish, isFailing: boolean): void {
    const { rules, limits, backend } = wish;
    const known = this.#targets.get(nameOf(wish));
    if (known !== undefined && !isAnother(known.backend, backend)) {
      const isOtherwise = known.rules.intervalMs !== rules.intervalMs;
      known.rules = rules;
      known.limits = limits;
      known.backend = backend;
      // The next probe may be planned a day ahead.
      if (isOtherwise) this.#planFirst(known);
      return;
    }
    clearTimeout(known?.timer);
    const isHere = known?.backend.address === backend.address;
    const streak = new ProbeStreak(isHere ? known.streak.isFailing : isFailing);
    const target: Target = { ...wish, streak, timer: undefined, isClosed: streak.isFailing };
    this.#targets.set(nameOf(wish), target);
    this.#planFirst(target);
  }

  /** A backend that is no longer probed does not count as failing. */
  #forget(name: string): void {
    const target = this.#targets.get(name);
    if (target === undefined) return;
    this.#targets.delete(name);
    clearTimeout(target.timer);
    if (target.streak.isFailing) this.#turn(target, false);
  }

  #start(context: ChildContext): Running {
    const life = { turnstile: new Turnstile(AT_ONCE), end: new AbortController() };
    this.#life = life;
    for (const target of this.#targets.values()) this.#planFirst(target);
    const stop = () => {
      this.#life = undefined;
      life.end.abort();
      for (const target of this.#targets.values()) clearTimeout(target.timer);
    };
    this.#failed = (error) => {
      stop();
      context.exited(crashed(error));
    };
    return { stop, crash: this.#failed };
  }

  /** At a random time in the first interval, so that a pool's backends are not all probed at once. */
  #planFirst(target: Target): void {
    if (this.#life !== undefined) this.#plan(target, this.#options.random() * target.rules.intervalMs);
  }

  #plan(target: Target, inMs: number): void {
    clearTimeout(target.timer);
    target.timer = setTimeout(() => this.#ask(target).catch(this.#failed), inMs);
  }

  async #ask(target: Target): Promise<void> {
    const life = this.#life;
    const heard = await life?.turnstile.through(target.pool, async () => {
      // While the probe waited for its turn, the target may have been removed.
      if (!this.#isWanted(target, life)) return undefined;
      const { rules, limits, backend } = target;
      const { path, timeoutMs, statuses } = rules;
      const address = addressOf(backend.address);
      const { lookup } = this.#options;
      const answer = await probe({ address, path, timeoutMs, lookup, limits }, life.end.signal);
      return { answer, statuses };
    });
    if (heard === undefined || !this.#isWanted(target, life)) return;
    const { answer, statuses } = heard;
    if ('unasked' in answer) this.#tellHindrance(answer.unasked);
    else {
      this.#isHindered = false;
      this.#heard(target, against(answer, statuses));
    }
    this.#plan(target, nextProbeInMs(target.rules.intervalMs, this.#options.random()));
  }

  /**
   * Whether prober and target are still the same. A new backend under the same id is another target, with its own
   * probes.
   */
  #isWanted(target: Target, life: Life | undefined): boolean {
    return this.#life === life && this.#targets.get(nameOf(target)) === target;
  }

  #tellHindrance(why: string): void {
    if (!this.#isHindered) this.#options.hindered(why);
    this.#isHindered = true;
  }

  /** `why`: the reason of a failure; undefined: it passed. */
  #heard(target: Target, why: string | undefined): void {
    const { streak, rules, backend, pool, id } = target;
    const hasPassed = why === undefined;
    if (hasPassed) this.counts.passed++;
    else this.counts.failed++;
    if (streak.probed(hasPassed, rules)) {
      this.#turn(target, !hasPassed);
      if (!hasPassed) this.#options.failing(pool, id, why);
    }
    if (backend.state === 'starting' && streak.passedInRow >= rules.healthyAfter)
      this.#options.started(pool, id, backend.address);
  }

  #turn(target: Target, isFailing: boolean): void {
    const { pool, id } = target;
    target.isClosed = isFailing;
    this.#close(target);
    const probes = isFailing ? 'failing' : 'passing';
    this.#options.report({ type: 'health_changed', pool, backend: id, news: { type: 'probed', probes } });
  }

  /** Brings the ledger to the target's state, again later if it is locked. */
  #close(target: Target): void {
    const { ledger, now } = this.#options;
    try {
      ledger.pool(keyOf(target.pool))?.probed(keyOf(target.id), now(), target.isClosed);
    } catch (error) {
      if (!(error instanceof LedgerBusy)) throw error;
      setTimeout(() => this.#closeAgain(target), AGAIN_MS);
    }
  }

  /** Uses the target that is under this id by then: the results of a former one do not apply to it. */
  #closeAgain(target: Target): void {
    try {
      this.#close(this.#targets.get(nameOf(target)) ?? target);
    } catch (error) {
      this.#failed(error);
    }
  }
}

/** Names have no slash. */
function nameOf({ pool, id }: Pick<Wish, 'pool' | 'id'>): string {
  return `${pool}/${id}`;
}

/** Whether the backend has moved or is starting again: the results of earlier probes do not apply then. */
function isAnother(known: BackendSettings, backend: BackendSettings): boolean {
  return known.address !== backend.address || (known.state !== 'starting' && backend.state === 'starting');
}

/** Why the probe failed; undefined: it passed. */
function against(heard: Exclude<ProbeResult, { unasked: string }>, statuses: string): string | undefined {
  const { from, to } = statusRange(statuses);
  if ('nothing' in heard) return heard.nothing;
  if (heard.status >= from && heard.status <= to) return undefined;
  return `expected a status of ${statuses}, found ${heard.status}`;
}
