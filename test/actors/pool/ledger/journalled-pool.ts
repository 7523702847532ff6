/** A pool whose operations go to a journal, in one thread and by hand: turns of the writer, checkpoints and the clock are the test's. */
import {
  createArena,
  keyOf,
  type Lease,
  type MainLedger,
  type PoolDefinition,
  type PoolLedger,
  type RowDefinition,
  recordSource,
} from '../../../../actors/index.ts';
import {
  ByteWriter,
  type JournalWriter,
  type RingProducer,
  writeCheckpoint,
  writeName,
} from '../../../../eventlog/index.ts';
import { JournalDesk, RUN } from '../../../eventlog/journal/desk.ts';

export const nobody = () => ({ place: 0, granted() {}, refused() {} });

export class JournalledPool {
  readonly main: MainLedger;
  readonly desk: JournalDesk;
  readonly ring: RingProducer;
  readonly name: string;
  #writer: JournalWriter;
  readonly #packed = new ByteWriter();

  constructor(directory: string, more: { name?: string; recordSlots?: number; run?: number } = {}) {
    const { name = 'web', recordSlots = 4096, run = RUN } = more;
    this.name = name;
    this.main = createArena({ threads: 2, ring() {}, record: true, recordSlots });
    this.desk = new JournalDesk(directory, {
      ringBytes: 2 ** 20,
      run,
      operations: recordSource(this.main.shared),
    });
    this.ring = this.desk.producer(0);
    this.#writer = this.desk.writer();
  }

  get ledger(): PoolLedger {
    const pool = this.main.pool(keyOf(this.name));
    if (pool === undefined) throw new Error(`expected pool ${this.name}`);
    return pool;
  }

  get nowMs(): number {
    return this.desk.nowMs;
  }

  pass(ms: number): void {
    this.desk.nowMs += ms;
  }

  async define(
    backends: Readonly<Record<string, Partial<RowDefinition>>>,
    more: Partial<PoolDefinition> = {},
    position = 1,
  ): Promise<void> {
    const rows = Object.entries(backends).map(([id, row]) => {
      writeName(this.ring, keyOf(id), id);
      return {
        backendKey: keyOf(id),
        limit: 0,
        weight: 1,
        state: 'up',
        quarantineUntilMs: 0,
        ...row,
      } as const;
    });
    writeName(this.ring, keyOf(this.name), this.name);
    const pool = {
      policy: 'least-request',
      maxWaiting: 100,
      whenEmpty: 'refuse',
      seed: 7,
      ...more,
    } as const;
    await this.main.define(keyOf(this.name), pool, rows, 'widen', { position, nowMs: this.nowMs });
  }

  lease(tried: readonly string[] = [], hash = 0): Lease {
    const answer = this.ledger.checkout(this.nowMs, tried.map(keyOf), nobody(), hash);
    if (typeof answer === 'string') throw new Error(`expected a lease, found ${answer}`);
    return answer;
  }

  checkpoint(): void {
    this.#packed.at = 0;
    const ticket = this.main.checkpoint(keyOf(this.name), this.#packed);
    writeCheckpoint(this.ring, keyOf(this.name), ticket, this.nowMs, this.#packed.written());
  }

  turn(): void {
    this.#writer.turn();
  }

  close(): void {
    this.#writer.close();
  }
}
