/** The event log in memory: the whole contract, nothing kept beyond the process. */
import { LocalLog } from './local-log.ts';
import { MemoryStore } from './memory-store.ts';

export type MemoryLogOptions = {
  /** Epoch milliseconds. */
  readonly now: () => number;
};

export function createMemoryLog({ now }: MemoryLogOptions): LocalLog {
  return new LocalLog(new MemoryStore(), now);
}
