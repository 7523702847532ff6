/**
 * The words that journalled requests use, in the order of their numbers. Each segment stores its own copy of them.
 */
import { BLAME, type OutcomeType, type Phase } from '../../actors/index.ts';
import type { Vocabulary } from '../../eventlog/index.ts';

const OUTCOMES = Object.keys(BLAME) as OutcomeType[];

const PHASES = {
  head: true,
  route: true,
  checkout: true,
  connect: true,
  send: true,
  respond: true,
  pipe: true,
} as const satisfies Record<Phase, true>;

export const JOURNAL_WORDS: Vocabulary = {
  // RFC 9110 §9.1 and PATCH; other methods are stored as text.
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'],
  outcomes: OUTCOMES,
  phases: Object.keys(PHASES),
  // An attempt ends like a request, or `unused`: its backend was gone, or its client.
  ends: [...OUTCOMES, 'unused'],
};
