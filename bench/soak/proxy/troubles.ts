/** What may make the router answer in a backend's place: for each outcome, what must have happened. */
import type { Asked, Moments } from './book.ts';
import { type Fault, isUnreadable } from './plan.ts';
import { isHasty, isSound } from './tenants.ts';

// From the moment that something breaks to the moment that the router has noticed, and is done with it.
const NOTICED_MS = 2000;

const FAULTS: Readonly<Record<string, readonly Fault[]>> = {
  closed_without_response: ['close-before', 'reset-before', 'reset-mid'],
  response_interrupted: ['close-before', 'reset-before', 'close-mid', 'reset-mid', 'bad-head'],
  first_byte_timeout: ['stall-before'],
  response_idle: ['stall-mid'],
  response_invalid: ['bad-head', 'two-lengths', 'bad-chunk', 'surplus'],
  response_length: ['two-lengths'],
  response_cookie: ['huge-cookie'],
  response_status_line: ['bad-head'],
};
const STATUS_OF: Readonly<Record<string, number>> = {
  response_length: 502,
  response_cookie: 502,
  response_status_line: 502,
};

/** Without an outcome, as of HEAD, any that has the status will do. */
export function explains(
  asked: Asked,
  status: number,
  outcome: string | undefined,
  moments: Moments,
): boolean {
  // A head that was not understood has said nothing of what it accepts.
  if (isUnreadable(asked.request)) return status === 400 || status === 501;
  const outcomes = outcome === undefined ? EVERY : [outcome];
  return outcomes.some((one) => (STATUS_OF[one] ?? 503) === status && isCause(asked, one, moments));
}

const EVERY = [
  ...Object.keys(FAULTS),
  ...Object.keys(STATUS_OF),
  ...['queue_full', 'queue_timeout', 'quarantined', 'no_backends', 'connect_refused', 'drain_timeout'],
  'internal_error',
];

function isCause(
  { request, attempts, sentAtMs, overAtMs }: Asked,
  outcome: string,
  moments: Moments,
): boolean {
  const { tenant } = request;
  const now = overAtMs < 0 ? performance.now() : overAtMs;
  const was = (what: string) => moments.within(what, sentAtMs - NOTICED_MS, now);
  switch (outcome) {
    case 'queue_full':
    case 'queue_timeout':
      return !isSound(tenant);
    case 'quarantined':
      return tenant === 'rough' || was(`down ${tenant}`);
    case 'no_backends':
      return was(`empty ${tenant}`);
    case 'connect_refused':
      return was(`down ${tenant}`);
    case 'drain_timeout':
      return was(`hurried drain ${tenant}`);
    case 'internal_error':
      return was('cut');
    case 'forced_close':
      return was('replace');
    default:
  }
  const faults = FAULTS[outcome] ?? [];
  if (attempts.some(({ answer }) => faults.includes(answer.fault))) return true;
  if (outcome === 'first_byte_timeout' || outcome === 'response_idle')
    return (isHasty(tenant) || request.framing !== 'none') && moments.within('lag', sentAtMs, now);
  const isEnd = outcome === 'closed_without_response' || outcome === 'response_interrupted';
  // A kept connection may have been closed without a word just as it was used again, by what cannot be sent twice.
  return isEnd && (was(`down ${tenant}`) || (tenant === 'rough' && request.framing !== 'none'));
}
