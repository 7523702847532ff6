/**
 * Compares a wish for all routing with what is in force: the wish is read once, and compared again whenever asked,
 * because the log may have moved.
 */
import { type Command, digestOf, type Rejection } from '../../../actors/index.ts';
import type { Json, Position } from '../../../eventlog/index.ts';
import {
  type Change,
  type Checked,
  loadConfig,
  MOST_SHOWN,
  type Overrides,
  type OwnAddresses,
  type Problem,
  type ProcessSettings,
  parseRouting,
  type Routing,
  readSent,
  routingJson,
} from '../../config/index.ts';
import { commandsOf, compared } from '../../plan/index.ts';
import { pieces } from '../pieces.ts';
import type { Room } from '../room.ts';
import { InForce } from './in-force.ts';

export type ComparisonWish = {
  readonly wanted:
    | { readonly type: 'body'; readonly bytes: Uint8Array; readonly own: OwnAddresses }
    | ({ readonly type: 'file' } & ConfigFile);
  /** How many domains, and how many backends, may be removed. */
  readonly allowRemovals: number;
  /** Included in the digest besides the routing, to recognise a repetition under the same command id. */
  readonly marks: { readonly [name: string]: Json };
  /** Nothing is carried out: the wish is compared once, and all changes are returned as the admin API shows them. */
  readonly isShown: boolean;
};

export type ConfigFile = { readonly path: string; readonly overrides: Overrides };

/** The first text, as JSON; also the last one if nothing can be compared. */
export type WishRead =
  | { readonly type: 'read'; readonly digest: string; readonly settings: ProcessSettings | null }
  /** The wish names neither pools nor domains. */
  | { readonly type: 'silent'; readonly settings: ProcessSettings | null }
  | {
      readonly type: 'unfit';
      readonly word: Unfitness;
      /** The first of them. */
      readonly problems: readonly Problem[];
      /** How many there are. */
      readonly found: number;
    };

/** As the admin API calls it. */
type Unfitness = 'malformed_json' | 'invalid_settings' | 'pool_unknown';

/** Each later text, as JSON. */
export type Comparison = {
  /** Exact if nothing was appended meanwhile. */
  readonly at: Position;
  readonly refusal: Rejection | null;
  /** Empty if it is refused. */
  readonly changes: readonly Change[];
  readonly commands: readonly Command[];
};

export async function* pourComparison(wish: ComparisonWish, room: Room): AsyncGenerator<string, undefined> {
  const { allowRemovals, isShown } = wish;
  const read = await wishedIn(wish.wanted);
  if (read.type !== 'read') return yield JSON.stringify(read satisfies WishRead);
  const { type, wished, settings } = read;
  const digest = digestOf({ ...wish.marks, ...routingJson(wished) } as unknown as Json);
  const inForce = new InForce(room, wished);
  // Nobody waits for an answer yet, so the long reading is done now; what is recorded from now on is little.
  await inForce.now();
  yield JSON.stringify({ type, digest, settings } satisfies WishRead);
  if (isShown) return yield* pieces(shownJson(await inForce.now(), wished, allowRemovals));
  for (;;) yield JSON.stringify(comparison(await inForce.now(), wished, allowRemovals));
}

type AtPosition = { readonly position: Position; readonly routing: Routing };

function comparison(
  { position: at, routing }: AtPosition,
  wished: Routing,
  allowRemovals: number,
): Comparison {
  const { changes, refusal } = compared(routing, wished, allowRemovals);
  if (refusal !== undefined) return { at, refusal, changes: [], commands: [] };
  return { at, refusal: null, changes, commands: commandsOf(changes, wished) };
}

async function* shownJson({ position, routing }: AtPosition, wished: Routing, allowRemovals: number) {
  const { changes, refusal } = compared(routing, wished, allowRemovals);
  const refused = refusal === undefined ? null : { type: refusal.type, detail: refusal.detail };
  yield `{"dryRun":true,"position":${position},"refused":${JSON.stringify(refused)},"changes":[`;
  for (let at = 0; at < changes.length; at++) yield `${at === 0 ? '' : ','}${JSON.stringify(changes[at])}`;
  yield ']}\n';
}

type Wished =
  | { readonly type: 'read'; readonly wished: Routing; readonly settings: ProcessSettings | null }
  | Exclude<WishRead, { type: 'read' }>;

function wishedIn(wanted: ComparisonWish['wanted']): Wished | Promise<Wished> {
  return wanted.type === 'file' ? wishedInFile(wanted) : wishedInBody(wanted.bytes, wanted.own);
}

function wishedInBody(bytes: Uint8Array, own: OwnAddresses): Wished {
  const sent = readSent(bytes);
  if (!sent.ok) return unfit(sent, 'malformed_json');
  // A truncated or misspelt file must not empty the router.
  if (isEmpty(sent.value)) return { type: 'silent', settings: null };
  const routing = parseRouting(sent.value, own);
  return routing.ok ? { type: 'read', wished: routing.value, settings: null } : unfit(routing);
}

function isEmpty(raw: unknown): boolean {
  return typeof raw === 'object' && raw !== null && Object.keys(raw).length === 0;
}

async function wishedInFile({ path, overrides }: ConfigFile): Promise<Wished> {
  const config = await loadConfig(path, overrides);
  if (!config.ok) return unfit(config);
  const { routing: wished, ...settings } = config.value;
  return wished === null ? { type: 'silent', settings } : { type: 'read', wished, settings };
}

function unfit(
  { problems, isPoolUnknown }: Extract<Checked<unknown>, { ok: false }>,
  word: Unfitness = isPoolUnknown === true ? 'pool_unknown' : 'invalid_settings',
): Wished {
  return { type: 'unfit', word, problems: problems.slice(0, MOST_SHOWN), found: problems.length };
}
