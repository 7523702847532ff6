/**
 * What is to be recorded of backends' health. One record of a pool is under way at a time: what comes meanwhile is written with the next
 * one, of each backend the newest. So where hundreds fail at once, who changes their pool waits for two records, and not for hundreds.
 */
import type { PoolName } from '../eventlog/index.ts';
import type { Desk } from './desk/command.ts';
import type { BackendNote } from './pool/pool.ts';

type Failed = (error: Error) => void;
/** By kind and backend. */
type Notes = Map<string, { readonly note: BackendNote; readonly failed: Failed }>;

export class HealthNotes {
  readonly #desk: () => Desk;
  /** What waits, of each pool of which something is being recorded. */
  readonly #waiting = new Map<PoolName, Notes>();

  constructor(desk: () => Desk) {
    this.#desk = desk;
  }

  /** `failed`: it could not even be asked for. A refusal is nobody's concern: the ledger protects the backend all the same. */
  record(pool: PoolName, note: BackendNote, failed: Failed): void {
    const notes: Notes = this.#waiting.get(pool) ?? new Map();
    const key = `${note.type} ${note.id}`;
    notes.set(key, { note: joined(notes.get(key)?.note, note), failed });
    if (this.#waiting.has(pool)) return;
    this.#waiting.set(pool, notes);
    void this.#write(pool);
  }

  async #write(pool: PoolName): Promise<void> {
    for (let notes = this.#waiting.get(pool); notes?.size; notes = this.#waiting.get(pool)) {
      this.#waiting.set(pool, new Map());
      const all = [...notes.values()];
      try {
        const command = { type: 'RecordHealth', pool, notes: all.map(({ note }) => note) } as const;
        await this.#desk().ask(command, { author: 'switchyard' });
      } catch (error) {
        for (const { failed } of all) failed(error as Error);
      }
    }
    this.#waiting.delete(pool);
  }
}

/** Of one backend and kind. What was withheld changes nothing, and is told all the same. */
function joined(before: BackendNote | undefined, note: BackendNote): BackendNote {
  if (note.type !== 'health' || before?.type !== 'health') return note;
  return { ...note, withheld: [...new Set([...before.withheld, ...note.withheld])] };
}
