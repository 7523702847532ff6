/** The queue of one pool: a doubly linked list through its waiters' nodes, so that anyone can leave at once. */
import { NODE, NODE_STATE, POOL } from './layout.ts';
import type { Section } from './section.ts';

export function link(section: Section, pool: number, node: number): void {
  const { words } = section;
  const last = words[pool + POOL.lastWaiter]!;
  // A free node belongs to its thread, and nobody reads it before its state changes: so only the state is noted for
  // undo.
  words[node + NODE.pool] = pool;
  words[node + NODE.next] = 0;
  words[node + NODE.previous] = last;
  section.set(node + NODE.state, NODE_STATE.waiting);
  section.set(last === 0 ? pool + POOL.firstWaiter : last + NODE.next, node);
  section.set(pool + POOL.lastWaiter, node);
  section.set(pool + POOL.waiting, words[pool + POOL.waiting]! + 1);
}

/** Takes a waiting node out of its queue and gives it this state. */
export function unlink(section: Section, pool: number, node: number, state: number): void {
  const { words } = section;
  const next = words[node + NODE.next]!;
  const previous = words[node + NODE.previous]!;
  section.set(previous === 0 ? pool + POOL.firstWaiter : previous + NODE.next, next);
  section.set(next === 0 ? pool + POOL.lastWaiter : next + NODE.previous, previous);
  section.set(pool + POOL.waiting, words[pool + POOL.waiting]! - 1);
  section.set(node + NODE.state, state);
}
