/** The options of an embedding program, checked like a config file: every refusal names its place. */
import {
  type BackendSettings,
  completeBackend,
  completeDomain,
  completePool,
  type DomainSettings,
  type PoolName,
  type PoolSettings,
} from '../../eventlog/index.ts';
import {
  type Checked,
  type Config,
  describeFound,
  type ListenerSettings,
  nearest,
  type Problem,
  parseConfig,
  parsePoolWish,
  renderProblems,
} from '../config/index.ts';
import { isSettableField } from './answers.ts';

/** Parts of it may be given; the rest has its defaults. */
export type Partly<T> = T extends readonly unknown[] ? T : { readonly [K in keyof T]?: Partly<T[K]> };

export type ListenerOptions = Partly<ListenerSettings>;

export type CommonOptions = {
  /** As in the config file. By default one, on 0.0.0.0:8080. Port 0: any free port. */
  readonly listeners?: readonly ListenerOptions[];
  /** One line per request; none by default. */
  readonly accessLog?: 'logfmt' | 'json' | false;
  /** Receives whole lines of the access log; standard output by default. */
  readonly writeLog?: (lines: string) => void;
  /** Called for internal errors that nothing else reports. By default a warning of the process. */
  readonly report?: (problem: ReportedProblem) => void;
};

export type ReportedProblem = {
  /** The callback that failed; `router` if it was none. */
  readonly where: string;
  readonly error: unknown;
  readonly requestId: string;
};

export class InvalidOptions extends TypeError {
  override readonly name = 'InvalidOptions';
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(renderProblems(problems).join('\n'));
    this.problems = problems;
  }
}

export function sound<T>(checked: Checked<T>): T {
  if (checked.ok) return checked.value;
  throw new InvalidOptions(checked.problems);
}

/** `process`: as in a config file. Its admin API is never started, so its address must not collide with another. */
export function processOf(process: { readonly [key: string]: unknown }): Config {
  const said = Object.entries(process).filter(([, value]) => value !== undefined);
  return sound(parseConfig({ ...Object.fromEntries(said), admin: { address: '127.0.0.1:0' } }));
}

export type PoolOptions = Partly<Pick<PoolSettings, 'timeouts' | 'limits'>> & {
  /** `attempts`: services tried for one request, 10 by default; Infinity leaves it to checkout. */
  readonly retries?: { readonly attempts?: number; readonly totalMs?: number };
};

export function poolSettingsOf({ timeouts, limits, retries }: PoolOptions, patienceMs: number): PoolSettings {
  if (retries !== undefined && (typeof retries !== 'object' || retries === null))
    throw invalid('retries', 'an object', retries);
  const { attempts, totalMs, ...others } = retries ?? {};
  refuseKeys(Object.keys(others), RETRY_KEYS, { at: 'retries.' });
  const wish = { timeouts, limits, retries: totalMs === undefined ? undefined : { totalMs } };
  const said = Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined));
  const pool = completePool(sound(parsePoolWish(said)).settings);
  return {
    ...pool,
    retries: { ...pool.retries, attempts: attemptsOf(attempts, pool.retries.attempts) },
    queue: { ...pool.queue, maxWaitMs: patienceMs },
  };
}

const RETRY_KEYS = ['attempts', 'totalMs'];

function attemptsOf(given: number | undefined, usual: number): number {
  if (given === undefined) return usual;
  if (given >= 1 && (Number.isInteger(given) || given === Number.POSITIVE_INFINITY)) return given;
  throw invalid('retries.attempts', 'a whole number from 1, or Infinity', given);
}

// A day: the longest that anything may take.
const LONGEST_MS = 86_400_000;

export function durationOf(name: string, given: number, leastMs = 0): number {
  if (Number.isInteger(given) && given >= leastMs && given <= LONGEST_MS) return given;
  throw invalid(name, `whole milliseconds from ${leastMs} to ${LONGEST_MS}`, given);
}

export function fieldNameOf(name: string, given: string | undefined): string | undefined {
  if (given === undefined || isSettableField(given)) return given;
  throw invalid(name, 'the name of a header that may be set', given);
}

export function invalid(path: string, expected: string, found: unknown): InvalidOptions {
  return new InvalidOptions([{ path, expected, found: describeFound(found) }]);
}

/** The keys that are present must be of this kind. */
export function refuseUnless(
  kind: 'function' | 'boolean',
  given: object,
  keys: readonly string[],
  at = '',
): void {
  for (const key of keys) {
    const value: unknown = Reflect.get(given, key);
    if (value !== undefined && typeof value !== kind) throw invalid(`${at}${key}`, `a ${kind}`, value);
  }
}

/** `beside`: the key that decides which others are allowed. */
export function refuseKeys(
  found: readonly string[],
  known: readonly string[],
  { at = '', beside }: { readonly at?: string; readonly beside?: string } = {},
): void {
  const key = found.find((one) => !known.includes(one));
  if (key === undefined) return;
  const those = beside === undefined ? 'the keys' : `the keys that go with ${beside}:`;
  const expected = `one of ${those} ${known.join(', ')}`;
  const meant = nearest(key, known);
  const problem = { path: `${at}${key}`, expected, found: 'an unknown key' };
  throw new InvalidOptions([meant === undefined ? problem : { ...problem, nearest: meant }]);
}

/** The settings of every domain and backend of a program: the defaults. */
export const DOMAIN_SETTINGS: DomainSettings = completeDomain({ pool: 'library' as PoolName });
export const BACKEND_SETTINGS: BackendSettings = completeBackend({ address: '127.0.0.1:1' });
