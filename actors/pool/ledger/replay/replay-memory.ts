/** Memory in which ledgers are decided again: an arena of this thread's own, without contended locks, bells or records. */

import type { LedgerTools } from '../ledger-tools.ts';
import { Directory } from '../memory/directory.ts';
import { NODE, NODE_STATE, TRIED_MAX } from '../memory/layout.ts';
import { Mailbox } from '../memory/mailbox.ts';
import { createBuffer, THREADS_MAX } from '../memory/memory.ts';
import { Nodes } from '../memory/nodes.ts';
import { PoolMemory } from '../memory/pool-memory.ts';
import { Section } from '../memory/section.ts';
import { Recorder } from '../record/recorder.ts';

const NODES_AT_ONCE = 256;
// 1 GiB of addresses, not of memory: 180 000 pools of four backends at a time, with room for every thread's share in each.
const RESERVE_BYTES = 2 ** 30;

export class ReplayMemory {
  readonly section: Section;
  readonly tools: LedgerTools;
  readonly pools: PoolMemory;
  /** The consequences of the current step, as the ledger would have recorded them. */
  readonly followed: Followed[] = [];
  readonly #nodes: number[] = [];

  constructor() {
    const buffer = createBuffer({
      threads: THREADS_MAX,
      ring() {},
      record: false,
      claims: false,
      reserveBytes: RESERVE_BYTES,
    });
    const section = new Section(buffer, 0, 0);
    const nodes = new Nodes(section);
    this.section = section;
    this.pools = new PoolMemory(section);
    this.tools = {
      section,
      nodes,
      recorder: new ListeningRecorder(section, this.followed),
      mailbox: new SilentMailbox(section, nodes, () => {}),
      directory: new Directory(section),
      tried: new Float64Array(TRIED_MAX),
    };
  }

  /** A node for a recorded waiter, whichever its thread was. */
  takeNode(thread: number): number {
    if (this.#nodes.length === 0) this.#allocate();
    const node = this.#nodes.pop() as number;
    this.section.words[node + NODE.thread] = thread;
    return node;
  }

  freeNode(node: number): void {
    this.section.words[node + NODE.state] = NODE_STATE.free;
    this.#nodes.push(node);
  }

  #allocate(): void {
    const first = this.section.allocate(NODES_AT_ONCE * NODE.words);
    for (let i = NODES_AT_ONCE - 1; i >= 0; i--) this.#nodes.push(first + i * NODE.words);
  }
}

export type Followed = {
  readonly op: number;
  readonly ticket: number;
  /** Where the row lies. */
  readonly at: number;
  readonly route: number;
  readonly untilMs: number;
};

class ListeningRecorder extends Recorder {
  readonly #followed: Followed[];

  constructor(section: Section, followed: Followed[]) {
    super(section);
    this.#followed = followed;
  }

  override unit(
    op: number,
    _pool: number,
    ticket: number,
    _nowMs: number,
    at: number,
    route: number,
    untilMs: number,
  ): void {
    this.#followed.push({ op, ticket, at, route, untilMs });
  }
}

/** Nobody waits here to be told of a grant. */
class SilentMailbox extends Mailbox {
  override post(): void {}
  override ringBells(): void {}
  override deliverIfRung(): void {}
}
