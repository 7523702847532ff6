/** Actors as operators see them: each with its state, in pages, across the whole tree. */
import type { ActorState, Census, Counts } from './census.ts';

export type LastError = { readonly message: string; readonly atMs: number };

export type ActorInfo = {
  readonly id: string;
  readonly kind: string;
  readonly state: ActorState;
  /** How often it was started again, including attempts that failed. */
  readonly restarts: number;
  /** When it entered its state. */
  readonly sinceMs: number;
  /** The last crash, kept after it recovered. */
  readonly lastError?: LastError;
  /** When a parked actor is tried again. */
  readonly retryAtMs?: number;
  /** Of a supervisor: its children by state. */
  readonly children?: Counts;
  /** Id of its supervisor; absent for the root. */
  readonly parent?: string;
};

/** `not_running`: the actor exists, but nothing of it is running that could fail. */
export type CrashAnswer = 'crashed' | 'not_running' | 'unknown';

/** A supervisor as the listing walks it. A child keeps its place as long as it exists. */
export interface Branch {
  /** The first child at this place or after it. */
  childFrom(place: number): Placed | undefined;
  /** The actor with this id, here or further down. */
  find(id: string): ActorInfo | undefined;
  crashChild(id: string, error: Error): CrashAnswer;
  counts(): Counts;
  /** Counts every child, here and further down. */
  countIn(census: Census): void;
}

export type Placed = { readonly place: number; readonly info: ActorInfo; readonly branch?: Branch };

export type ActorPage = {
  readonly actors: readonly ActorInfo[];
  /** Pass it as `after` to get the next page; absent on the last page. */
  readonly next?: string;
};

export type PageOptions = { readonly after?: string; readonly limit: number };

/** Depth first, in start order. An actor that exists during the whole listing is on exactly one page. */
export function listActors(root: Branch, { after, limit }: PageOptions): ActorPage {
  const page: Page = { actors: [], limit, last: undefined };
  const full = collect(root, undefined, '', after?.split('.').map(Number), page);
  return full && page.last !== undefined ? { actors: page.actors, next: page.last } : { actors: page.actors };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type Page = { readonly actors: ActorInfo[]; readonly limit: number; last: string | undefined };

/**
 * `after` is the path of places to the actor listed last: that actor is not repeated, but its descendants and everything
 * after it are listed. True if there is more than the page holds.
 */
function collect(
  branch: Branch,
  parent: string | undefined,
  prefix: string,
  after: readonly number[] | undefined,
  page: Page,
): boolean {
  const from = after?.[0] ?? 0;
  for (let child = branch.childFrom(from); child; child = branch.childFrom(child.place + 1)) {
    const path = `${prefix}${child.place}`;
    const resumed = after !== undefined && child.place === from;
    if (!resumed) {
      if (page.actors.length === page.limit) return true;
      page.actors.push(parent === undefined ? child.info : { ...child.info, parent });
      page.last = path;
    }
    const rest = resumed && after.length > 1 ? after.slice(1) : undefined;
    if (child.branch && collect(child.branch, child.info.id, `${path}.`, rest, page)) return true;
  }
  return false;
}
