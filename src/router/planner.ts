/**
 * Works out what commands change: compares a wish for all routing with what is in force, and answers what a rollback or
 * an undo restores. On a thread of its own if that takes long, otherwise on this one. Unlike the history thread it runs
 * at normal priority, because a command waits for it, and others wait for that one.
 */
import type { ChildSpec } from '../../actors/index.ts';
import { type Historian, HistoryThread, LocalHistory, sourcesOf } from '../history/index.ts';

// Together about 30 ms, in pieces of 5 ms.
const SMALL_BYTES = 65_536;
const FEW_OWNERS = 2000;

export class Planner {
  readonly #thread: HistoryThread;
  readonly #here: Historian;
  readonly #owners: () => number | undefined;

  /** `directory`: the data directory. `owners`: how many there are, if known. */
  constructor(directory: string, owners: () => number | undefined) {
    const beside = { id: 'planner', name: 'plan', niceness: 0 };
    this.#thread = new HistoryThread({ directory, flush: async () => {}, beside });
    this.#here = new LocalHistory({ sources: () => openedOnce(directory) });
    this.#owners = owners;
  }

  childSpec(): ChildSpec {
    return this.#thread.childSpec();
  }

  /** For a wish of this many bytes. */
  readonly comparer = (bytes: number): Historian => {
    const owners = this.#owners() ?? Number.POSITIVE_INFINITY;
    return bytes <= SMALL_BYTES && owners <= FEW_OWNERS ? this.#here : this.#thread;
  };

  /** For a wish in a file, of any size, and for whatever is restored from the past. */
  get thread(): Historian {
    return this.#thread;
  }
}

/** Opened for one wish and closed after it. */
function openedOnce(directory: string) {
  const past = sourcesOf(directory, Date.now);
  const sources = past.sources();
  const leave = () => {
    sources.leave?.();
    past.close();
  };
  return { ...sources, leave };
}
