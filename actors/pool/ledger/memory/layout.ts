/**
 * The layout of the arena, in words of 32 bits. Keys, tickets, times and scores are doubles: two words each, starting
 * at an even one.
 *
 *   header · one area per thread (undo list, bell, ring of records) · then, as they are needed:
 *   pools · chunks of rows · chunks of waiters · the directory
 *
 * Memory is type-stable: what was a pool stays a pool for ever, so that a lock word never becomes something else under
 * a thread that reads it late.
 */

import { UNIT, UNITS } from '../../health/ward.ts';

export const MAGIC = 0x5155ed6e;

/** The arena's header. */
export const ARENA = {
  magic: 0,
  threads: 1,
  /** Slots in each ring of records; 0: operations are not recorded. */
  recordSlots: 2,
  /** Words that the buffer has been grown to; it only rises. */
  size: 3,
  /** First word that is not allocated. */
  top: 4,
  areas: 5,
  areaWords: 6,
  rowWords: 7,
  /** Where the claims on connections begin within a row; 0: none are kept. */
  claims: 8,
  // The directory is read without a lock: its version is odd while the main thread changes it.
  directoryVersion: 16,
  directory: 17,
  directoryMask: 18,
  words: 64,
} as const;

/** A thread's area. What others write lies 64 bytes (a cache line) away from what only the thread writes. */
export const AREA = {
  undoCount: 0,
  recordHead: 1,
  recordsLost: 2,
  firstChunk: 3,
  chunks: 4,
  /** 1: there is something for the thread, and it has not looked yet. */
  bell: 16,
  /** `asks`: how often the thread was ever asked to look at a row; `askedAll`, 1: it is to look at all rows. */
  asks: 17,
  askedAll: 18,
  /** Head of the ring as readers may see it: never includes a record that may yet be undone. */
  recordsPublished: 32,
  recordTail: 48,
  undo: 64,
} as const;

/** How many words one step of an operation may change: the longest changes about a hundred, most a dozen. */
export const UNDO_ENTRIES = 128;
/** Asks that are kept for a thread; one that is further behind looks at all rows. */
export const ASKS_MOST = 64;
export const ASKS_OFFSET = AREA.undo + 2 * UNDO_ENTRIES;
export const RING_OFFSET = ASKS_OFFSET + ASKS_MOST;

/** A pool. */
export const POOL = {
  lock: 0,
  /** Rises whenever views of the pool are out of date: rows added, memory freed. */
  layout: 1,
  phase: 2,
  policy: 3,
  key: 4,
  ticket: 6,
  nextExpiryMs: 8,
  mark: 10,
  chance: 12,
  rows: 13,
  waiting: 14,
  firstWaiter: 15,
  lastWaiter: 16,
  maxWaiting: 17,
  /** 1: checkouts wait for backends that are starting. */
  hold: 18,
  /** 1: a change that adds backends is half-way, so an empty pool is no reason to refuse. */
  widening: 19,
  firstChunk: 20,
  chunks: 21,
  nextInBucket: 22,
  /** Requests refused because no backend was free; it only rises, and wraps. */
  refused: 23,
  /** 1: a trial may be due; it may be set although none is. */
  trials: 24,
  maxEjectedPercent: 25,
  /** Failures that make an outlier; 0: nobody is judged. */
  failures: 26,
  windowMs: 28,
  quarantineMs: 30,
  slowStartMs: 32,
  words: 48,
} as const;

export const PHASE = { free: 0, live: 1, dropped: 2 } as const;

/** A row: one backend. */
export const ROW = {
  inFlight: 0,
  limit: 1,
  weight: 2,
  /** 0: open; else the bits of CLOSED. */
  closed: 3,
  key: 4,
  untilMs: 6,
  score: 8,
  epoch: 10,
  /** Its index among the rows of its pool. */
  index: 11,
  /** What the policy learnt of it, and when. */
  latencyMs: 12,
  failing: 14,
  learntAtMs: 16,
  /**
   * Leases that ended by a cut or by the death of their thread. It only rises, and wraps, as long as the row is this
   * backend's.
   */
  cut: 18,
  /** Leases that ended otherwise while the row was closed; counted likewise. */
  finished: 19,
  /** When the backend came up or came back. This field and those up to `shadows` do not outlive the backend's removal. */
  openedAtMs: 20,
  /** Number of routes for which it is out. */
  routesOut: 22,
  /** Failed connects in a row, of all threads; changed without the lock. */
  failedConnects: 23,
  /** Key of its address. */
  place: 24,
  /** What is known of its health: UNITS units of UNIT.words each. */
  units: 26,
  /**
   * In-flight count of each thread, so that a dead thread's share can be subtracted; behind it the threads' claims on
   * connections.
   */
  shadows: 26 + UNITS * UNIT.words,
} as const;

/** Why a row is given to nobody; several may hold at once. */
export const CLOSED = {
  empty: 1,
  removed: 2,
  draining: 4,
  starting: 8,
  quarantined: 16,
  /** It is an outlier, or its trial is under way. */
  ejected: 32,
  /** Its probes fail. */
  failing: 64,
} as const;
/** What the ledger itself found out about a backend, whatever its operator says. */
export const UNHEALTHY = CLOSED.quarantined | CLOSED.ejected | CLOSED.failing;

/** A thread's claims on the connections of a row: two words, each with two halves. */
export const CLAIM = { connections: 0, idle: 1, words: 2 } as const;

export const NO_LIMIT = 0x7fffffff;

export const ROWS_IN_CHUNK = 4;
/** A chunk of rows: the next chunk, a spare word, the rows. */
export const ROW_CHUNK = { next: 0, rows: 2 } as const;

/** A chunk of one thread's waiters: mailbox bits, then nodes. */
export const NODES_IN_CHUNK = 256;
export const NODE_CHUNK = { next: 0, summary: 1, mail: 2, nodes: 10 } as const;

/** A waiter's node: in the queue of its pool, in the memory of its thread. */
export const NODE = {
  state: 0,
  next: 1,
  previous: 2,
  pool: 3,
  row: 4,
  epoch: 5,
  thread: 6,
  number: 7,
  /** Ticket under which it was queued: this names it in the records. */
  ticket: 8,
  /** Ticket of its grant. */
  lease: 10,
  chunk: 12,
  triedCount: 13,
  tried: 14,
  hash: 46,
  route: 48,
  /** Key of the waiter's home; 0: none. */
  wanted: 50,
  /** The row in which its home was last found. */
  wantedRow: 52,
  words: 54,
} as const;

export const NODE_STATE = { free: 0, waiting: 1, granted: 2, refused: 3 } as const;

export const TRIED_MAX = 16;
