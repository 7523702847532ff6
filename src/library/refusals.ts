/** How a program refuses a request: a word, and how it appears to the client and in the log. */
import { BLAME, type OutcomeType } from '../../actors/index.ts';
import { describeFound } from '../config/index.ts';
import { type OutcomeRow, rowOf } from '../proxy/index.ts';

export type Refusal = {
  /** Any word. The router's own outcomes and vegur's words have their own status and code. */
  readonly refuse: string;
  /** 400 to 599, except 499. */
  readonly status?: number;
  /** For the log, such as H10: letters, digits, dots and dashes. */
  readonly code?: string;
  /** For the log: the description of the code. */
  readonly desc?: string;
};

/** `return refuse('app_blank')` is the same as a literal `{ refuse: 'app_blank' }`, with better type inference. */
export function refuse(word: string, more: Omit<Refusal, 'refuse'> = {}): Refusal {
  return { refuse: word, ...more };
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'refuse' in value && typeof value.refuse === 'string';
}

export type Refused = { readonly type: OutcomeType; readonly row: OutcomeRow | undefined };

/** Throws if the refusal cannot be sent. */
export function refusedBy(refusal: Refusal): Refused {
  check(refusal);
  const { refuse: word, status, code, desc } = refusal;
  const known = outcomeOf(word);
  const own = {
    ...(status && { status }),
    ...(code !== undefined && { code }),
    ...(desc !== undefined && { desc }),
  };
  const isOwn = Object.keys(own).length > 0;
  if (known !== undefined) return { type: known, row: isOwn ? { ...rowOf(known), ...own } : undefined };
  return { type: 'refused', row: { ...rowOf('refused'), ...VEGUR.get(word), ...own } };
}

// The access log prints it unquoted.
const CODE = /^[\w.-]{1,64}$/;

function check({ refuse: word, status, code, desc }: Refusal): void {
  const unfit = (expected: string, found: unknown) =>
    new TypeError(`expected ${expected} for the refusal ${word}, found ${describeFound(found)}`);
  if (word === '') throw new TypeError('expected a word for the refusal, found ""');
  if (status !== undefined && !(Number.isInteger(status) && status >= 400 && status <= 599 && status !== 499))
    throw unfit('a status from 400 to 599', status);
  if (code !== undefined && !(typeof code === 'string' && CODE.test(code)))
    throw unfit('a code such as H10', code);
  if (desc !== undefined && typeof desc !== 'string') throw unfit('words', desc);
}

/** The outcome of this name, if a refusal may choose it: it must be an error that the client can still be told. */
function outcomeOf(word: string): OutcomeType | undefined {
  if (!Object.hasOwn(BLAME, word)) return undefined;
  const type = word as OutcomeType;
  const { status } = rowOf(type);
  return status >= 400 && status !== 499 ? type : undefined;
}

// vegur's words, with the status of its reference callback and the code of the outcome with the same meaning.
const VEGUR: ReadonlyMap<string, Partial<OutcomeRow>> = new Map([
  ['app_not_found', rowOf('domain_unknown')],
  ['not_found', rowOf('domain_unknown')],
  ['app_lookup_failed', rowOf('internal_error')],
  ['route_lookup_failed', rowOf('internal_error')],
  ['no_route_id', { ...rowOf('internal_error'), status: 502 }],
  ['backlog_too_deep', rowOf('queue_full')],
  ['backlog_timeout', rowOf('queue_timeout')],
  ['conn_limit_reached', rowOf('max_in_flight')],
  ['no_web_processes', rowOf('no_backends')],
  ['crashed', { ...rowOf('no_backends'), code: 'H10', desc: 'App crashed' }],
  ['backends_quarantined', rowOf('quarantined')],
  ['backends_starting', rowOf('starting')],
  ['backends_idle', rowOf('starting')],
  ['maintenance_mode', rowOf('maintenance')],
  ['maintainance_mode', rowOf('maintenance')],
  ['maintainance_mode_on', rowOf('maintenance')],
  ['app_blank', { ...rowOf('no_backends'), at: 'info', code: 'H81', desc: 'Blank app' }],
  ['econn_refused', rowOf('connect_refused')],
  ['econn_timeout', rowOf('connect_timeout')],
]);
