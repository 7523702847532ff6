/** What a handover to another process needs: `takeover.ts` speaks with that process, the router carries it out. */

/** A listener's address in the config file, and the address it is bound to. */
export type Held = { readonly wished: string; readonly bound: string };

export interface Successions {
  /** The number of the data directory; two paths to one directory have the same. Undefined if it is gone. */
  readonly directory: string | undefined;
  /** The process that is taking over now; undefined if none. */
  readonly pid: number | undefined;
  begin(pid: number): Succession;
}

/** Lasts from the first want until the other process has the place or is gone. */
export interface Succession {
  readonly held: readonly Held[];
  /**
   * From then on commands are refused, and the other process may take the log and its directory. If it rejects, nothing
   * was released.
   */
  makeRoom(): Promise<void>;
  /** Releases the admin API's address too. Requests are still accepted. */
  givePlace(): Promise<void>;
  /** This process drains and ends if the place was given; otherwise it takes back what was released. */
  end(): void;
}
