/**
 * What has to be recorded of backends' health. One record per pool is under way at a time; what comes meanwhile is written
 * with the next one, only the newest of each backend. So if hundreds fail at once, a change of their pool waits for two
 * records, not for hundreds.
 */
import type { PoolName } from '../eventlog/index.ts';
import type { Desk } from './desk/command.ts';
import type { BackendNote } from './pool/pool.ts';

type Failed = (error: Error) => void;
/** By type of note and backend. */
type Notes = Map<string, { readonly note: BackendNote; readonly failed: Failed }>;

export class HealthNotes {
  readonly #desk: () => Desk;
  /** Notes that wait, for each pool of which something is being recorded. */
  readonly #waiting = new Map<PoolName, Notes>();

  constructor(desk: () => Desk) {
    this.#desk = desk;
  }

  /** `failed`: the command itself failed. A rejection is ignored: the ledger protects the backend anyway. */
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

/** Joins two notes of one backend and type. Withheld ejections change nothing, but all of them are reported. */
function joined(before: BackendNote | undefined, note: BackendNote): BackendNote {
  if (note.type !== 'health' || before?.type !== 'health') return note;
  return { ...note, withheld: [...new Set([...before.withheld, ...note.withheld])] };
}
