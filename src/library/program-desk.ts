/**
 * The desk for an embedding program: plain names and settings in, a promise that rejects with the reason of a
 * refusal.
 */
import { type Command, type Desk, digestOf, type Rejection, systemClock } from '../../actors/index.ts';
import {
  type BackendId,
  type DomainName,
  type Parsed,
  type PoolName,
  parseBackendId,
  parseDomainName,
  parsePoolName,
  type SparseBackend,
} from '../../eventlog/index.ts';
import {
  describeFound,
  type OwnAddresses,
  parseBackendWish,
  parseDomainWish,
  parsePoolWish,
  parseRouting,
  type RoutingJson,
  routingJson,
  splitMessage,
} from '../config/index.ts';
import { planFor, routingOf } from '../plan/index.ts';
import { durationOf, InvalidOptions, invalid, refuseKeys, sound } from './options.ts';
import type { DomainWish, PoolWish } from './wishes.ts';

export type Done = {
  /** It did not exist before. */
  readonly created: boolean;
  /** The new version of what was changed; 0 if it was removed. */
  readonly version: number;
  /** The position of the log at which the change is in force. */
  readonly position: number;
  /** How many pools and domains were changed. */
  readonly changed: number;
};

/** The change was refused, and nothing was changed. `code` names the reason, such as `pool_in_use`. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
  readonly code: Rejection['type'];
  readonly rejection: Rejection;
  constructor(rejection: Rejection) {
    super(rejection.detail);
    this.code = rejection.type;
    this.rejection = rejection;
  }
}

export function refusalOf(rejection: Rejection): CommandRefused {
  return new CommandRefused(rejection);
}

export type Condition = {
  /** Change it only if this is its version; 0: only if it does not exist. */
  readonly ifVersion?: number;
  /** The author, recorded in the log. */
  readonly author?: string;
};

const AUTHOR = 'program';

export class ProgramDesk {
  readonly #desk: () => Desk;
  readonly #own: () => OwnAddresses;

  constructor(desk: () => Desk, own: () => OwnAddresses) {
    this.#desk = desk;
    this.#own = own;
  }

  async putDomain(host: string, wish: DomainWish, condition: Condition = {}): Promise<Done> {
    const settings = sound(parseDomainWish(wish));
    return this.#ask({ type: 'PutDomain', host: hostOf(host), settings, ...at(condition) }, condition);
  }

  async removeDomain(host: string, condition: Condition = {}): Promise<Done> {
    return this.#ask({ type: 'RemoveDomain', host: hostOf(host), ...at(condition) }, condition);
  }

  /** Without `backends`, the pool keeps those it has. */
  async putPool(name: string, wish: PoolWish, condition: Condition = {}): Promise<Done> {
    const { settings, backends } = sound(parsePoolWish(wish, this.#own()));
    const all = backends === undefined ? {} : { backends: Object.fromEntries(backends) };
    return this.#ask({ type: 'PutPool', pool: poolOf(name), settings, ...all, ...at(condition) }, condition);
  }

  async removePool(name: string, condition: Condition = {}): Promise<Done> {
    return this.#ask({ type: 'RemovePool', pool: poolOf(name), ...at(condition) }, condition);
  }

  async putBackend(pool: string, id: string, wish: SparseBackend, condition: Condition = {}): Promise<Done> {
    const backend = sound(parseBackendWish(wish, this.#own()));
    const command: Command = {
      type: 'PutBackend',
      pool: poolOf(pool),
      id: idOf(id),
      backend,
      ...at(condition),
    };
    return this.#ask(command, condition);
  }

  async removeBackend(pool: string, id: string, condition: Condition = {}): Promise<Done> {
    return this.#ask(
      { type: 'RemoveBackend', pool: poolOf(pool), id: idOf(id), ...at(condition) },
      condition,
    );
  }

  /** The backend gets no new requests; what is unfinished after `withinMs` is cut. */
  async drainBackend(
    pool: string,
    id: string,
    withinMs = 30_000,
    by: Pick<Condition, 'author'> = {},
  ): Promise<Done> {
    refuseOthers('by', by, ['author']);
    const untilMs = systemClock.now() + durationOf('withinMs', withinMs);
    return this.#ask({ type: 'DrainBackend', pool: poolOf(pool), id: idOf(id), untilMs }, by);
  }

  /**
   * Makes all pools and domains equal to these, in one step or not at all. More than a few removals must be allowed with
   * `allowRemovals`.
   */
  async apply(
    wished: {
      readonly pools?: { readonly [name: string]: PoolWish };
      readonly domains?: { readonly [host: string]: DomainWish };
    },
    by: { readonly allowRemovals?: number; readonly author?: string } = {},
  ): Promise<Done> {
    refuseOthers('by', by, ['allowRemovals', 'author']);
    const { allowRemovals = 0 } = by;
    if (!Number.isInteger(allowRemovals) || allowRemovals < 0)
      throw invalid('by.allowRemovals', 'a whole number from 0', allowRemovals);
    const author = authorOf(by);
    // An empty wish does not mean an empty routing: input that was misread elsewhere must not empty the router.
    if (
      typeof wished === 'object' &&
      wished !== null &&
      Object.values(wished).every((each) => each === undefined)
    )
      throw new InvalidOptions([{ path: '', expected: 'pools and domains', found: 'neither' }]);
    const routing = sound(parseRouting(wished, this.#own()));
    const digest = digestOf({ apply: author, at: Date.now() });
    return done(await this.#desk().carryOut(planFor(routing, allowRemovals), { author }, digest));
  }

  /** The routing in force, in the shape of a config file: only what differs from the defaults. */
  async routing(): Promise<RoutingJson> {
    return routingJson(routingOf(await this.#desk().look((now) => now.everything())));
  }

  async #ask(command: Command, condition: Condition): Promise<Done> {
    return done(await this.#desk().ask(command, { author: authorOf(condition) }));
  }
}

function done(answer: Awaited<ReturnType<Desk['ask']>>): Done {
  if (answer.type === 'rejected') throw refusalOf(answer.rejection);
  const { created, version, position, changed } = answer;
  return { created, version, position, changed };
}

function at(condition: Condition): { readonly ifVersion?: number } {
  refuseOthers('condition', condition, ['ifVersion', 'author']);
  const { ifVersion } = condition;
  if (ifVersion === undefined) return {};
  if (Number.isInteger(ifVersion) && ifVersion >= 0) return { ifVersion };
  throw invalid('condition.ifVersion', 'a whole number from 0', ifVersion);
}

function refuseOthers(path: string, given: object, known: readonly string[]): void {
  if (typeof given !== 'object' || given === null) throw invalid(path, 'an object', given);
  refuseKeys(Object.keys(given), known, { at: `${path}.` });
}

// The longest author that the log accepts.
const MOST_CHARACTERS = 1024;

function authorOf({ author = AUTHOR }: Pick<Condition, 'author'>): string {
  const isText = typeof author === 'string' && author !== '' && author.length <= MOST_CHARACTERS;
  if (isText && author.isWellFormed()) return author;
  throw invalid('author', `text of 1 to ${MOST_CHARACTERS} characters`, author);
}

function named<T>(path: string, text: unknown, parse: (text: string) => Parsed<T>): T {
  if (typeof text !== 'string') throw invalid(path, 'a name', text);
  const parsed = parse(text);
  if (parsed.ok) return parsed.value;
  throw new InvalidOptions([{ path, ...splitMessage(parsed.problem, describeFound(text)) }]);
}

const hostOf = (text: string): DomainName => named('host', text, parseDomainName);
const poolOf = (text: string): PoolName => named('pool', text, parsePoolName);
const idOf = (text: string): BackendId => named('id', text, parseBackendId);
