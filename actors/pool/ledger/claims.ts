/**
 * Claims on connections to backends with a limit. Idle and busy connections of all threads count: whoever opens one
 * takes a claim first and keeps it until that connection is closed. A claim decides nothing about a request, so it has
 * no ticket and no record.
 *
 *   (a lease) ─ open ─▶ busy ⇄ rest, reuse ⇄ idle ─ closing ─▶ closing ─ closed ─▶ (none)
 *        └─ no room: the thread wants one; an idle connection of some thread is revoked, and its holder closes it
 *
 * Nobody wants in vain. There is room for as many connections as the limit, or as there are leases, if the limit was
 * lowered below that. So while a lease has no connection and there is no room, some claim has no lease: either its
 * connection is idle and can be revoked, or it is about to be closed, and then the threads that want one are told. A
 * revoked connection cannot be used again, so no holder has to be asked twice.
 */
import { fail } from 'node:assert/strict';
import type { ConnectionClaims, Lease } from './ledger.ts';
import type { LedgerTools } from './ledger-tools.ts';
import { ARENA, CLAIM, CLOSED, NO_LIMIT, NODE, POOL, ROW } from './memory/layout.ts';
import type { Memory } from './memory/memory.ts';
import type { PoolView } from './pool-view.ts';

const LOW = 0xffff;
/** The upper half of a word. In `connections`: how many the thread wants; in `idle`: how many were revoked. */
const HIGH = 0x10000;

export class PoolClaims implements ConnectionClaims {
  readonly #pool: PoolView;
  readonly #tools: LedgerTools;

  constructor(pool: PoolView, tools: LedgerTools) {
    this.#pool = pool;
    this.#tools = tools;
  }

  /** Without the lock: if a limit is set at this very moment, `rest` applies it later. */
  isCounted(lease: Lease): boolean {
    return this.#tools.section.words[lease.row + ROW.limit] !== NO_LIMIT;
  }

  open(row: number, isWanted: boolean): boolean {
    this.#enter();
    try {
      return this.#open(row, isWanted);
    } catch (error) {
      this.#tools.section.rollback();
      throw error;
    } finally {
      this.#exit();
    }
  }

  forgo(row: number): void {
    this.#giveUp(row, HIGH);
  }

  reuse(row: number): boolean {
    this.#enter();
    const at = this.#own(row, CLAIM.idle);
    const { section } = this.#tools;
    const isMine = (section.words[at]! & LOW) > 0;
    if (isMine) section.set(at, section.words[at]! - 1);
    section.commit();
    this.#exit();
    return isMine;
  }

  rest(row: number): boolean {
    this.#enter();
    const { section } = this.#tools;
    const mayRest = this.#mayRest(row);
    const at = this.#own(row, CLAIM.idle);
    if (mayRest) section.set(at, section.words[at]! + 1);
    section.commit();
    this.#exit();
    return mayRest;
  }

  /** It does not make room yet: a thread that wants a claim and asked again now would have another connection revoked. */
  closing(row: number): void {
    this.#enter();
    const { section } = this.#tools;
    const at = this.#own(row, CLAIM.idle);
    section.set(at, section.words[at]! - (this.owed(row) > 0 ? HIGH : 1));
    section.commit();
    this.#exit();
  }

  closed(row: number): void {
    this.#giveUp(row, 1);
  }

  /** Without the lock: only this thread lowers the number, so it can rely on what it reads. */
  owed(row: number): number {
    return this.#tools.section.words[this.#own(row, CLAIM.idle)]! >>> 16;
  }

  #open(row: number, isWanted: boolean): boolean {
    const { section } = this.#tools;
    const { words } = section;
    const at = this.#own(row, CLAIM.connections);
    const room = Math.max(words[row + ROW.limit]!, words[row + ROW.inFlight]!);
    if (connectionsOf(section, row) < room) {
      section.set(at, words[at]! + 1 - (isWanted ? HIGH : 0));
      section.commit();
      return true;
    }
    if (!isWanted) section.set(at, words[at]! + HIGH);
    const holder = isEnoughRevoked(section, row) ? -1 : idleHolder(section, row, section.thread);
    if (holder >= 0) revoke(this.#tools, row, holder);
    section.commit();
    if (holder >= 0) this.#tools.mailbox.ask(holder, row);
    return false;
  }

  /** Gives up a claim, or the wish for one, and tells the threads that want one. */
  #giveUp(row: number, what: number): void {
    this.#enter();
    const { section } = this.#tools;
    const at = this.#own(row, CLAIM.connections);
    section.set(at, section.words[at]! - what);
    section.commit();
    tellWanting(this.#tools, row);
    this.#exit();
  }

  #mayRest(row: number): boolean {
    const { section } = this.#tools;
    const { words, thread } = section;
    if ((words[row + ROW.closed]! & (CLOSED.empty | CLOSED.removed | CLOSED.draining)) !== 0) return false;
    const connections = connectionsOf(section, row);
    const limit = words[row + ROW.limit]!;
    if (connections > limit || isWanted(section, row)) return false;
    // The slot will go to the first waiter. If that is another thread's, that thread will need the room.
    const first = words[this.#pool.block + POOL.firstWaiter]!;
    if (first === 0 || connections < limit) return true;
    const next = words[first + NODE.thread]!;
    return next === thread || (words[claimAt(section, row, next) + CLAIM.idle]! & LOW) > 0;
  }

  #own(row: number, word: number): number {
    return claimAt(this.#tools.section, row, this.#tools.section.thread) + word;
  }

  /** A row with a lease or a claim stays where it is, and so does its pool. */
  #enter(): void {
    if (!this.#pool.enter()) fail('expected the pool of a claim, found none');
  }

  /** Delivers, since this thread may be the one that was asked. */
  #exit(): void {
    this.#pool.exit();
    this.#tools.mailbox.deliverIfRung();
  }
}

function claimAt({ words }: Memory, row: number, thread: number): number {
  return row + words[ARENA.claims]! + thread * CLAIM.words;
}

/** Claims of all threads on connections to the backend of this row. */
export function connectionsOf(memory: Memory, row: number): number {
  const { words } = memory;
  if (words[ARENA.claims] === 0) return 0;
  let connections = 0;
  for (let thread = 0, at = claimAt(memory, row, 0); thread < memory.threads; thread++, at += CLAIM.words)
    connections += words[at + CLAIM.connections]! & LOW;
  return connections;
}

export function claimsOf(memory: Memory, row: number, thread: number) {
  const { words } = memory;
  const at = claimAt(memory, row, thread);
  return {
    connections: words[at + CLAIM.connections]! & LOW,
    wanted: words[at + CLAIM.connections]! >>> 16,
    idle: words[at + CLAIM.idle]! & LOW,
    revoked: words[at + CLAIM.idle]! >>> 16,
  };
}

/**
 * After a row got its first limit: nobody has claims on it yet, and each thread closes the connections that idle from
 * before.
 */
export function tellOfFirstLimit({ section, mailbox }: LedgerTools): void {
  if (section.words[ARENA.claims] === 0) return;
  for (let thread = 0; thread < section.threads; thread++) mailbox.askForAll(thread);
}

/** Revokes idle connections that may no longer be used or exceed the limit; their holders close them. Under the lock. */
export function revokeExcess(tools: LedgerTools, row: number): void {
  const { section, mailbox } = tools;
  const { words } = section;
  if (words[ARENA.claims] === 0) return;
  const isOut = (words[row + ROW.closed]! & (CLOSED.empty | CLOSED.removed | CLOSED.draining)) !== 0;
  const limit = words[row + ROW.limit]!;
  let excess = isOut
    ? Number.POSITIVE_INFINITY
    : connectionsOf(section, row) - limit - revokedOf(section, row);
  for (; excess > 0; excess--) {
    const holder = idleHolder(section, row, section.thread);
    if (holder < 0) return;
    revoke(tools, row, holder);
    section.commit();
    mailbox.ask(holder, row);
  }
}

/** Drops the claims of a dead thread, whose connections are closed by now. Under the lock. */
export function dropClaims(tools: LedgerTools, row: number, dead: number): void {
  const { section } = tools;
  if (section.words[ARENA.claims] === 0) return;
  const at = claimAt(section, row, dead);
  section.set(at + CLAIM.connections, 0);
  section.set(at + CLAIM.idle, 0);
  section.commit();
  tellWanting(tools, row);
}

export function hasClaims(memory: Memory, row: number, thread: number): boolean {
  const { words } = memory;
  if (words[ARENA.claims] === 0) return false;
  const at = claimAt(memory, row, thread);
  return words[at + CLAIM.connections] !== 0 || words[at + CLAIM.idle] !== 0;
}

/** A thread with an idle connection, `first` if it has one; −1: none has. */
function idleHolder(memory: Memory, row: number, first: number): number {
  const { words, threads } = memory;
  for (let i = 0; i < threads; i++) {
    const thread = (first + i) % threads;
    if ((words[claimAt(memory, row, thread) + CLAIM.idle]! & LOW) > 0) return thread;
  }
  return -1;
}

function revoke({ section }: LedgerTools, row: number, holder: number): void {
  const at = claimAt(section, row, holder) + CLAIM.idle;
  section.set(at, section.words[at]! - 1 + HIGH);
}

function revokedOf(memory: Memory, row: number): number {
  let revoked = 0;
  for (let thread = 0; thread < memory.threads; thread++) revoked += claimsOf(memory, row, thread).revoked;
  return revoked;
}

/** Whether a connection was revoked for each one that is wanted. */
function isEnoughRevoked(memory: Memory, row: number): boolean {
  const { words } = memory;
  let missing = 0;
  for (let thread = 0, at = claimAt(memory, row, 0); thread < memory.threads; thread++, at += CLAIM.words)
    missing += (words[at + CLAIM.connections]! >>> 16) - (words[at + CLAIM.idle]! >>> 16);
  return missing <= 0;
}

function isWanted(memory: Memory, row: number): boolean {
  const { words } = memory;
  for (let thread = 0, at = claimAt(memory, row, 0); thread < memory.threads; thread++, at += CLAIM.words)
    if (words[at + CLAIM.connections]! >= HIGH) return true;
  return false;
}

/** Call it after the commit that made room, under the lock. */
function tellWanting({ section, mailbox }: LedgerTools, row: number): void {
  const { words, threads } = section;
  for (let thread = 0, at = claimAt(section, row, 0); thread < threads; thread++, at += CLAIM.words)
    if (words[at + CLAIM.connections]! >= HIGH) mailbox.ask(thread, row);
}
