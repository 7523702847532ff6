/** The waiters of this thread: their nodes in shared memory, and the `Waiter` behind each. */
import assert from 'node:assert/strict';
import type { Waiter } from '../ledger.ts';
import { AREA, NODE, NODE_CHUNK, NODE_STATE, NODES_IN_CHUNK } from './layout.ts';
import type { Memory } from './memory.ts';
import type { Section } from './section.ts';

const CHUNK_WORDS = NODE_CHUNK.nodes + NODES_IN_CHUNK * NODE.words;

export class Nodes {
  readonly chunks: number[];
  private readonly section: Section;
  private readonly free: number[] = [];
  private readonly waiters: (Waiter | undefined)[] = [];

  /** Takes over the nodes of the former thread of this number. */
  constructor(section: Section) {
    this.section = section;
    section.look();
    this.chunks = chunksOf(section, section.area);
    for (const chunk of this.chunks) this.addFree(chunk);
  }

  /** Makes sure that a node is free. Outside any lock, since it may allocate. */
  reserve(): void {
    if (this.free.length === 0) this.addChunk();
  }

  /** The node that `take` will take. */
  next(): number {
    const node = this.free[this.free.length - 1];
    assert(node !== undefined, 'expected a reserved node, found none');
    return node;
  }

  take(waiter: Waiter): void {
    const node = this.next();
    this.free.pop();
    this.waiters[this.section.words[node + NODE.number]!] = waiter;
    waiter.place = node;
  }

  /** Frees a node whose state is free again, and returns its waiter. */
  release(node: number): Waiter {
    const number = this.section.words[node + NODE.number]!;
    const waiter = this.waiters[number];
    assert(waiter !== undefined, `expected a waiter at node ${number}, found none`);
    this.waiters[number] = undefined;
    this.free.push(node);
    waiter.place = 0;
    return waiter;
  }

  private addChunk(): void {
    const { section } = this;
    const chunk = section.allocate(CHUNK_WORDS);
    const { words } = section;
    for (let i = 0; i < NODES_IN_CHUNK; i++) {
      const node = chunk + NODE_CHUNK.nodes + i * NODE.words;
      words[node + NODE.thread] = section.thread;
      words[node + NODE.number] = this.chunks.length * NODES_IN_CHUNK + i;
      words[node + NODE.chunk] = chunk;
    }
    words[chunk + NODE_CHUNK.next] = words[section.area + AREA.firstChunk]!;
    // Others find the chunk once it is complete. A thread that dies before this line loses the chunk, nothing more.
    Atomics.store(words, section.area + AREA.firstChunk, chunk);
    this.chunks.push(chunk);
    this.addFree(chunk);
  }

  private addFree(chunk: number): void {
    // Last first, so that nodes are used from the front of the chunk.
    for (let i = NODES_IN_CHUNK - 1; i >= 0; i--) this.free.push(chunk + NODE_CHUNK.nodes + i * NODE.words);
  }
}

/** Chunks of the thread with this area, oldest first. */
export function chunksOf(memory: Memory, area: number): number[] {
  const chunks: number[] = [];
  let chunk = Atomics.load(memory.words, area + AREA.firstChunk);
  memory.look();
  for (; chunk !== 0; chunk = memory.words[chunk + NODE_CHUNK.next]!) chunks.unshift(chunk);
  return chunks;
}

/** Nodes of a chunk in this state. */
export function nodesIn(memory: Memory, chunk: number, state: number): number[] {
  const nodes: number[] = [];
  for (let i = 0; i < NODES_IN_CHUNK; i++) {
    const node = chunk + NODE_CHUNK.nodes + i * NODE.words;
    if (memory.words[node + NODE.state] === state) nodes.push(node);
  }
  return nodes;
}

/** Empties the area of a dead thread, once its waiters have left their queues. */
export function clearNodes(memory: Memory, area: number): void {
  const { words } = memory;
  for (const chunk of chunksOf(memory, area)) {
    for (let i = NODE_CHUNK.summary; i < NODE_CHUNK.nodes; i++) Atomics.store(words, chunk + i, 0);
    for (let i = 0; i < NODES_IN_CHUNK; i++) {
      words[chunk + NODE_CHUNK.nodes + i * NODE.words + NODE.state] = NODE_STATE.free;
    }
  }
}
