/**
 * How to undo a change after others: what nobody changed since becomes what it was before; what somebody did change,
 * or what would no longer fit, stays, and is reported.
 */
import { type DomainName, type PoolName, poolsOf } from '../../../eventlog/index.ts';
import { type Change, difference, type Routing } from '../../config/index.ts';
import { inScope } from '../scope.ts';
import type { PastChange } from '../state/change-at.ts';

export type Undoing = {
  /** The resulting routing: the present one, with everything undone that can be. */
  readonly routing: Routing;
  /** The parts of the change that stay, each with its reason. */
  readonly left: readonly string[];
};

export type Undone = Undoing & { readonly changes: readonly Change[] };

export type Moments = {
  /** Only the owners that the change touched. */
  readonly before: Routing;
  readonly after: Routing;
  readonly now: Routing;
  /**
   * Also others that depend on what the change made, and the pools that undoing it would name: all of them, or one of
   * each.
   */
  readonly all: Routing;
};

// At most this many of the parts that stay are reported.
const TOLD = 20;

const CHANGED_SINCE = 'was changed since';

export function undoneIn({ streams, before, after }: PastChange, all: Routing): Undone {
  const now = inScope(all, streams);
  const undone = undoing({ before, after, now, all });
  return { ...undone, changes: difference(now, undone.routing) };
}

export function shortened(left: readonly string[]): readonly string[] {
  return left.length <= TOLD ? left : [...left.slice(0, TOLD), `and ${left.length - TOLD} more`];
}

export function undoing({ before, after, now, all }: Moments): Undoing {
  const wanted = difference(now, before);
  const left = touchedSince(wanted, difference(after, now));
  for (let known = -1; known !== left.size; ) {
    known = left.size;
    leaveDependent(wanted, left, all);
  }
  const routing = applied(
    now,
    wanted.filter((change) => !left.has(change)),
  );
  const its = new Set(difference(before, after).map(nameOf));
  const told = [...left].map(([change, why]) => [nameOf(change), why] as const);
  return { routing, left: told.filter(([name]) => its.has(name)).map(([name, why]) => `${name} ${why}`) };
}

type Left = Map<Change, string>;

function touchedSince(wanted: readonly Change[], since: readonly Change[]): Left {
  const touched = new Set(since.map(nameOf));
  const poolsTouched = new Set(since.map(poolOf));
  const poolsMade = new Set(since.filter(isNewPool).map(poolOf));
  const left: Left = new Map();
  for (const change of wanted) {
    // Somebody who touched a backend of a new pool wants that pool.
    const whole = change.kind === 'pool' && change.change === 'remove' && poolsTouched.has(change.name);
    // Those backends belonged to the former pool, not to the one that has its name now.
    const other = change.kind === 'backend' && poolsMade.has(change.pool);
    if (touched.has(nameOf(change)) || whole || other) left.set(change, CHANGED_SINCE);
  }
  return left;
}

/** If a pool must not be added or removed, its backends stay too. */
function leaveBackends(wanted: readonly Change[], left: Left): void {
  const kept = new Map<string, string>();
  for (const [change, why] of left)
    if (change.kind === 'pool' && change.change !== 'change') kept.set(change.name, why);
  for (const change of wanted) {
    const why = change.kind === 'backend' ? kept.get(change.pool) : undefined;
    if (why !== undefined && !left.has(change)) left.set(change, why);
  }
}

function leaveDependent(wanted: readonly Change[], left: Left, all: Routing): void {
  const done = wanted.filter((change) => !left.has(change));
  const pools = new Set<PoolName>(all.pools.keys());
  const domains = new Map<DomainName, readonly PoolName[]>();
  for (const [host, settings] of all.domains) domains.set(host, poolsOf(settings));
  for (const change of done) {
    if (change.kind === 'pool')
      change.change === 'remove' ? pools.delete(change.name) : pools.add(change.name);
    if (change.kind === 'domain')
      domains.set(change.name, change.after === null ? [] : poolsOf(change.after));
  }
  const undone = new Map(done.map((change) => [nameOf(change), change]));
  for (const [host, named] of domains) {
    const missing = named.find((pool) => !pools.has(pool));
    if (missing === undefined) continue;
    const removal = undone.get(`pool ${missing}`);
    const change = undone.get(`domain ${host}`);
    if (removal !== undefined) left.set(removal, `serves ${host} now`);
    else if (change !== undefined)
      left.set(change, `would name pool ${missing}, which does not exist any more`);
  }
  leaveBackends(wanted, left);
}

function applied(now: Routing, changes: readonly Change[]): Routing {
  const domains = new Map(now.domains);
  const pools = new Map(now.pools);
  for (const change of changes) {
    if (change.kind === 'domain') {
      if (change.after === null) domains.delete(change.name);
      else domains.set(change.name, change.after);
    } else if (change.kind === 'pool') {
      const backends = pools.get(change.name)?.backends ?? new Map();
      if (change.after === null) pools.delete(change.name);
      else pools.set(change.name, { settings: change.after, backends });
    } else {
      const pool = pools.get(change.pool);
      if (pool === undefined) continue;
      const backends = new Map(pool.backends);
      if (change.after === null) backends.delete(change.name);
      else backends.set(change.name, change.after);
      pools.set(change.pool, { ...pool, backends });
    }
  }
  return { pools, domains };
}

function isNewPool(change: Change): boolean {
  return change.kind === 'pool' && change.change === 'add';
}

function nameOf(change: Change): string {
  return change.kind === 'backend'
    ? `backend ${change.pool}/${change.name}`
    : `${change.kind} ${change.name}`;
}

function poolOf(change: Change): string {
  if (change.kind === 'domain') return '';
  return change.kind === 'pool' ? change.name : change.pool;
}
