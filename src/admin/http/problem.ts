/** Every refusal of the admin API with its status: the one place where a rejection becomes a status (RFC 9457). */
import type { Rejection, RejectionType } from '../../../actors/index.ts';
import type { HistoryProblem, Unanswerable } from '../../history/index.ts';
import type { Reply } from './reply.ts';

type EdgeType =
  | 'malformed_request'
  | 'malformed_json'
  | 'head_too_large'
  | 'head_too_slow'
  | 'invalid_name'
  | 'invalid_query'
  | 'invalid_header'
  | 'invalid_settings'
  | 'unauthorized'
  | 'foreign_origin'
  | 'path_unknown'
  | 'actor_unknown'
  | 'actor_not_running'
  | 'worker_unknown'
  | 'worker_not_replaced'
  | 'takeover_elsewhere'
  | 'takeover_under_way'
  | 'method_not_allowed'
  | 'body_too_large'
  | 'body_too_slow'
  | 'media_type_unsupported'
  | 'host_unknown'
  | 'too_many_connections'
  | 'too_many_followers'
  | 'too_much_under_way'
  | 'drain_withdrawn'
  | 'router_stopping'
  | 'unreadable'
  | 'log_in_use'
  | 'confirmation_unknown'
  | 'confirmation_late'
  | 'confirmation_pending'
  | 'internal_error';

export type ProblemType = RejectionType | EdgeType | HistoryProblem;

/** The types are promises to clients; the status shows the class of the failure. */
export const PROBLEMS = {
  domain_not_found: [404, 'No such domain'],
  pool_not_found: [404, 'No such pool'],
  backend_not_found: [404, 'No such backend'],
  pool_unknown: [409, 'The domain names a pool that does not exist'],
  pool_in_use: [409, 'Domains name this pool'],
  version_mismatch: [412, 'Changed by somebody else'],
  idempotency_key_reused: [422, 'Idempotency key used for another command'],
  too_many_changes: [422, 'Too many changes at once'],
  too_many_removals: [409, 'Too many removals'],
  backend_limit: [409, 'The pool is full'],
  pool_clash: [409, 'Another pool has the key of this name'],
  owner_unavailable: [503, 'The owner is being restarted'],
  log_unavailable: [503, 'The log cannot be written'],
  log_full: [507, 'No room to record the change'],
  malformed_request: [400, 'Malformed request'],
  malformed_json: [400, 'Malformed JSON'],
  head_too_large: [431, 'Head too large'],
  head_too_slow: [408, 'Head too slow'],
  invalid_name: [400, 'Invalid name'],
  invalid_query: [400, 'Invalid query'],
  invalid_header: [400, 'Invalid header'],
  invalid_settings: [400, 'Invalid settings'],
  unauthorized: [401, 'Bearer token required'],
  foreign_origin: [403, 'Cross-site request'],
  path_unknown: [404, 'No such resource'],
  actor_unknown: [404, 'No such actor'],
  actor_not_running: [409, 'The actor is not running'],
  worker_unknown: [404, 'No such worker'],
  worker_not_replaced: [409, 'Worker not replaced'],
  takeover_elsewhere: [409, 'Another data directory is served here'],
  takeover_under_way: [409, 'Another process is taking over'],
  method_not_allowed: [405, 'Method not allowed'],
  body_too_large: [413, 'Body too large'],
  body_too_slow: [408, 'Body too slow'],
  media_type_unsupported: [415, 'Unsupported media type'],
  host_unknown: [421, 'Unknown host name'],
  too_many_connections: [503, 'Too many connections'],
  too_many_followers: [503, 'Too many followers'],
  too_much_under_way: [503, 'Too many large requests'],
  request_unknown: [404, 'No such request in the journal'],
  request_expired: [404, 'The request is older than the journal'],
  request_lost: [404, 'The request is in a gap of the journal'],
  archived: [410, 'Archived'],
  history_busy: [503, 'Too many questions about the past'],
  history_unavailable: [503, 'History cannot be asked at the moment'],
  drain_withdrawn: [409, 'Drain withdrawn'],
  router_stopping: [503, 'The router is stopping'],
  unreadable: [503, 'A stored event cannot be read'],
  log_in_use: [409, 'A running router holds the log'],
  confirmation_unknown: [404, 'No such change on trial'],
  confirmation_late: [409, 'The change is already undone'],
  confirmation_pending: [409, 'Another change is on trial'],
  internal_error: [500, 'Internal error'],
} as const satisfies Record<ProblemType, readonly [status: number, title: string]>;

/** Thrown when a request is refused; caught in one place and sent to the client. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly reply: Reply;
  constructor(type: ProblemType, detail: string, extras: Extras = {}) {
    super(detail);
    this.reply = problem(type, detail, extras);
  }
}

export type ProblemReply = Extract<Reply, { type: 'json' }>;

export type Extras = {
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the problem, as RFC 9457 §3.2 allows. */
  readonly members?: Readonly<Record<string, unknown>>;
};

export function problem(type: ProblemType, detail: string, extras: Extras = {}): ProblemReply {
  const [status, title] = PROBLEMS[type];
  return {
    type: 'json',
    status,
    headers: { 'content-type': 'application/problem+json', ...extras.headers },
    value: { type, title, status, detail, ...extras.members },
  };
}

export function rejected(rejection: Rejection): ProblemReply {
  switch (rejection.type) {
    case 'pool_in_use':
      return problem(rejection.type, rejection.detail, { members: { domains: rejection.domains } });
    case 'version_mismatch': {
      const { expected, found, won } = rejection;
      return problem(rejection.type, rejection.detail, { members: { expected, found, won } });
    }
    case 'owner_unavailable':
      return problem(rejection.type, rejection.detail, { headers: retryAfter(rejection.retryAfterMs) });
    case 'log_unavailable':
    case 'log_full':
      return problem(rejection.type, rejection.detail, { headers: retryAfter(1000) });
    default:
      return problem(rejection.type, rejection.detail);
  }
}

// RFC 9110 §10.2.3: whole seconds; zero would invite a busy loop.
function retryAfter(ms: number): Record<string, string> {
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))) };
}

export function unanswered({ word, message, members }: Unanswerable): Reply {
  return problem(word, message, {
    members,
    ...(word.startsWith('history_') ? { headers: retryAfter(1000) } : {}),
  });
}
