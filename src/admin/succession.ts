/** What a handover to another process needs: `takeover.ts` speaks with that process, the router carries it out. */

/** A listener as the config file has it, and where it listens. */
export type Held = { readonly wished: string; readonly bound: string };

export interface Successions {
  /** The number of the data directory; two paths to one have the same. Undefined: it is away. */
  readonly directory: string | undefined;
  /** Who is at it now; undefined: nobody. */
  readonly pid: number | undefined;
  begin(pid: number): Succession;
}

/** From its beginning until the other process has the place, or is gone. */
export interface Succession {
  readonly held: readonly Held[];
  /** Commands are refused from then on, and the log and its directory are the other's to take. Rejects: nothing was let go. */
  makeRoom(): Promise<void>;
  /** The admin's address too. Requests are still let in. */
  givePlace(): Promise<void>;
  /** This process drains and ends if the place was given; else whatever was let go is taken back. */
  end(): void;
}
