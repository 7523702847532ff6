/**
 * Which route of a domain a request takes: the first, in order of precedence, whose conditions all hold. Pure; the same
 * code routes requests and explains past ones from what was journalled about them.
 */
import type { RouteSettings } from '../../eventlog/index.ts';
import { fieldOf, hasField } from './field-of.ts';

/** A compiled regular expression, of an engine that takes linear time. */
export interface Pattern {
  test(path: string): boolean;
}

/** Undefined: the engine does not accept the pattern, so it matches nothing. */
export type CompilePattern = (pattern: string) => Pattern | undefined;

/** No route: the domain's own pool. */
export const NO_ROUTE = -1;

/** Why a request does not take a route. */
export type RouteLoss = 'regex' | 'prefix' | 'method' | 'header';

export type ConsideredRoute =
  | { readonly route: number; readonly verdict: 'matched' | 'not_reached' }
  /** `header`: the name of the first header that differs. */
  | { readonly route: number; readonly verdict: 'lost'; readonly why: RouteLoss; readonly header?: string };

export type ExplainedRequest = {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The header fields themselves, flat, or what was journalled of them: a bit for each condition that held. */
  readonly headers: readonly string[] | number;
};

type Entry = {
  readonly pattern: Pattern | undefined;
  readonly isPatternBad: boolean;
  readonly prefix: string | undefined;
  readonly methods: readonly string[] | undefined;
  /** Indices of conditions. */
  readonly conditions: readonly number[];
};

type Condition = { readonly name: string; readonly value: string };

const NOTHING: readonly string[] = [];
const SLASH = 0x2f;

export class RouteMatcher {
  /** For the request looked at last: bit n is set if condition n was looked at and held. */
  held = 0;
  readonly #entries: readonly Entry[];
  readonly #conditions: readonly Condition[];
  #looked = 0;
  #fields: readonly string[] = NOTHING;
  /** Index of the condition that failed last. */
  #failed = -1;

  /** `routes`: as in the settings, in order of precedence. */
  constructor(routes: readonly RouteSettings[], compile: CompilePattern) {
    const conditions: Condition[] = [];
    this.#entries = routes.map(({ match }) => entryOf(match, compile, conditions));
    this.#conditions = conditions;
  }

  /** The index of the route, or NO_ROUTE. `path`: without the query. */
  find(method: string, path: string, fields: readonly string[]): number {
    this.#begin(fields, 0, 0);
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i++) {
      if (this.#lossOf(entries[i]!, method, path) === undefined) return i;
    }
    return NO_ROUTE;
  }

  /** The verdict on each route: why those before the matching one did not match, and which were not reached. */
  explain({ method, path, headers }: ExplainedRequest): readonly ConsideredRoute[] {
    // The bits tell the result of every condition, so none is evaluated again.
    if (typeof headers === 'number') this.#begin(NOTHING, -1, headers);
    else this.#begin(headers, 0, 0);
    let isMatched = false;
    return this.#entries.map((entry, route) => {
      if (isMatched) return { route, verdict: 'not_reached' };
      const why = this.#lossOf(entry, method, path);
      isMatched = why === undefined;
      if (why === undefined) return { route, verdict: 'matched' };
      if (why !== 'header') return { route, verdict: 'lost', why };
      return { route, verdict: 'lost', why, header: this.#conditions[this.#failed]!.name };
    });
  }

  #begin(fields: readonly string[], looked: number, held: number): void {
    this.#fields = fields;
    this.#looked = looked;
    this.held = held;
  }

  /** The most expensive check last: those that tell most routes apart cost a few nanoseconds. */
  #lossOf(entry: Entry, method: string, path: string): RouteLoss | undefined {
    if (entry.prefix !== undefined && !isBelow(path, entry.prefix)) return 'prefix';
    if (entry.methods !== undefined && !entry.methods.includes(method)) return 'method';
    if (entry.isPatternBad || (entry.pattern !== undefined && !entry.pattern.test(path))) return 'regex';
    for (const index of entry.conditions) {
      if (this.#holds(index)) continue;
      this.#failed = index;
      return 'header';
    }
    return undefined;
  }

  #holds(index: number): boolean {
    const bit = 1 << index;
    if ((this.#looked & bit) === 0) {
      this.#looked |= bit;
      const { name, value } = this.#conditions[index]!;
      const isSame = fieldOf(this.#fields, name) === value && (value !== '' || hasField(this.#fields, name));
      if (isSame) this.held |= bit;
    }
    return (this.held & bit) !== 0;
  }
}

/** By path segment: `/shop` covers `/shop` and `/shop/cart`, but not `/shopping`. */
function isBelow(path: string, prefix: string): boolean {
  const { length } = prefix;
  if (length === 1) return path.charCodeAt(0) === SLASH;
  // The one character after the prefix tells most paths apart without comparing strings.
  if (path.length > length ? path.charCodeAt(length) !== SLASH : path.length < length) return false;
  return path.startsWith(prefix);
}

function entryOf(match: RouteSettings['match'], compile: CompilePattern, conditions: Condition[]): Entry {
  const { pathPrefix, pathRegex, methods, headers } = match;
  const pattern = pathRegex === undefined ? undefined : compile(pathRegex);
  return {
    pattern,
    isPatternBad: pathRegex !== undefined && pattern === undefined,
    prefix: pathPrefix,
    methods,
    conditions: Object.entries(headers ?? {}).map(([name, value]) => indexOf({ name, value }, conditions)),
  };
}

/** A condition that several routes share is stored once and evaluated once. */
function indexOf(condition: Condition, conditions: Condition[]): number {
  const known = conditions.findIndex(
    ({ name, value }) => name === condition.name && value === condition.value,
  );
  return known === -1 ? conditions.push(condition) - 1 : known;
}
