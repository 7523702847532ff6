/** What a client asks and what backends answer, from chance alone. */
import type { Chance } from '../../../test/support/chance.ts';
import type { Pace } from './bytes.ts';
import type { Reading } from './reading.ts';
import { isHasty, TENANTS, type Tenant } from './tenants.ts';

/** What a backend does wrong: before its answer, amid it, or with it. */
export type Fault =
  | 'none'
  | 'close-before'
  | 'reset-before'
  | 'stall-before'
  | 'close-mid'
  | 'reset-mid'
  | 'stall-mid'
  | 'bad-head'
  | 'two-lengths'
  | 'bad-chunk'
  | 'huge-cookie'
  | 'surplus';

export type Answer = {
  readonly status: number;
  readonly framing: 'length' | 'chunked' | 'until-end';
  readonly bytes: number;
  readonly interim: readonly number[];
  readonly hasTrailers: boolean;
  readonly pace: Pace;
  readonly delayMs: number;
  /** Before the request's body has come. */
  readonly isEarly: boolean;
  /** `unsaid`: it closes without having said so. */
  readonly closes: 'no' | 'said' | 'unsaid';
  /** Of the request's body, or behind an upgrade. */
  readonly reading: Reading;
  readonly fault: Fault;
};

/** What a client does wrong. `half-close`: a FIN behind its request. `preface`: a load balancer's, where none is expected. */
export type Misdeed =
  | 'none'
  | 'leave-amid-request'
  | 'leave-waiting'
  | 'leave-amid-response'
  | 'half-close'
  | 'stall-upload'
  | 'garbage'
  | 'preface';

export type Request = {
  readonly id: string;
  readonly tenant: Tenant;
  readonly method: string;
  readonly version: 0 | 1;
  readonly framing: 'none' | 'length' | 'chunked';
  /** Of its body, or of what is said behind an upgrade. */
  readonly bytes: number;
  readonly hasTrailers: boolean;
  readonly expects: boolean;
  readonly upgrades: boolean;
  readonly closes: boolean;
  readonly pace: Pace;
  readonly misdeed: Misdeed;
  /** Leaves by a reset, not a FIN. */
  readonly resets: boolean;
  readonly pauseMs: number;
  /** For each attempt; the last for all further ones. */
  readonly answers: readonly Answer[];
};

/** What comes is no request, and must not get anywhere. */
export const isUnreadable = ({ misdeed }: Request): boolean => misdeed === 'garbage' || misdeed === 'preface';

const METHODS = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'POST', 'POST', 'PUT', 'DELETE', 'OPTIONS'];
const ROUGH_FAULTS: readonly Fault[] = [
  ...(['close-before', 'reset-before', 'stall-before', 'close-mid', 'reset-mid', 'stall-mid'] as const),
  ...(['bad-head', 'two-lengths', 'bad-chunk', 'huge-cookie', 'surplus'] as const),
];
const LEAVINGS: readonly Misdeed[] = ['leave-amid-request', 'leave-waiting', 'leave-amid-response'];

/** One in so many does not read at once. */
export function readingOf(chance: Chance, oneIn: number): Reading {
  return chance.below(oneIn) === 0 ? chance.pick(['late', 'sips'] as const) : 'at-once';
}

export function requestOf(chance: Chance, id: string, isAlone: boolean, isEnd: boolean): Request {
  const tenant = chance.pick(TENANTS);
  const upgrades = isEnd && isAlone && chance.below(12) === 0;
  const method = upgrades ? 'GET' : chance.pick(METHODS);
  const hasBody = !upgrades && (method === 'POST' || method === 'PUT');
  const framing = hasBody ? chance.pick(['length', 'chunked'] as const) : 'none';
  const misdeed = isEnd && isAlone && !upgrades ? misdeedOf(chance, hasBody) : 'none';
  const version = isEnd && framing !== 'chunked' && chance.below(10) === 0 && !upgrades ? 0 : 1;
  return {
    id,
    tenant,
    method,
    version,
    framing,
    bytes: hasBody ? sizeOf(chance) : upgrades ? 1 + chance.below(20_000) : 0,
    hasTrailers: framing === 'chunked' && chance.below(3) === 0,
    expects: hasBody && isAlone && version === 1 && chance.below(4) === 0,
    upgrades,
    closes: isEnd && version === 1 && !upgrades && chance.below(4) === 0,
    pace: chance.pick(['whole', 'whole', 'odd', 'drip'] as const),
    misdeed,
    resets: chance.below(2) === 0,
    pauseMs: chance.below(4) === 0 ? chance.below(300) : chance.below(20),
    answers: Array.from({ length: 3 }, () => answerOf(chance, tenant, method)),
  };
}

function misdeedOf(chance: Chance, hasBody: boolean): Misdeed {
  if (chance.below(2) === 0) return 'none';
  if (hasBody && chance.below(12) === 0) return 'stall-upload';
  return chance.pick([...LEAVINGS, 'half-close', 'garbage'] as const);
}

export function answerOf(chance: Chance, tenant: Tenant, method: string): Answer {
  const isRough = tenant === 'rough';
  const status = chance.pick([200, 200, 200, 200, 201, 204, 304, 404, 500, isRough ? 503 : 200]);
  const framing = chance.pick(['length', 'length', 'chunked', 'until-end'] as const);
  const isBare = method === 'HEAD' || status === 204 || status === 304;
  return {
    status,
    framing: isBare ? 'length' : framing,
    bytes: isBare && method !== 'HEAD' ? 0 : sizeOf(chance),
    interim: chance.below(6) === 0 ? chance.pick([[103], [103, 103], [102, 103]]) : [],
    hasTrailers: chance.below(3) === 0,
    pace: chance.pick(['whole', 'whole', 'odd', 'drip'] as const),
    delayMs: chance.below(3) === 0 ? chance.below(30) : 0,
    isEarly: chance.below(10) === 0,
    closes: chance.pick(['no', 'no', 'no', 'no', 'said', isRough ? 'unsaid' : 'no'] as const),
    // Of a hasty tenant whoever reads slowly is given up.
    reading: isHasty(tenant) ? 'at-once' : readingOf(chance, 3),
    fault: faultOf(chance, tenant),
  };
}

function faultOf(chance: Chance, tenant: Tenant): Fault {
  if (tenant === 'needy') return chance.pick(['none', 'close-before'] as const);
  return tenant === 'rough' && chance.below(4) === 0 ? chance.pick(ROUGH_FAULTS) : 'none';
}

// Around what matters: nothing, a write, a buffer that is leased, more than a socket takes.
function sizeOf(chance: Chance): number {
  switch (chance.below(12)) {
    case 0:
      return 0;
    case 1:
      return 15_000 + chance.below(1000);
    case 2:
      return 60_000 + chance.below(10_000);
    case 3:
      return chance.below(10) === 0 ? 1_500_000 : 200_000 + chance.below(200_000);
    default:
      return 1 + chance.below(2000);
  }
}
