/**
 * What was decided about a request between its domain and its pool, to route and to record it. Created only if there
 * is something to decide.
 */
import type { AffinityVerdict } from '../../../eventlog/index.ts';
import type { Route } from './domain-routes.ts';

export class Choice {
  route: Route | undefined = undefined;
  /** Which of the evaluated header conditions held. */
  held = 0;
  /** The number that decided a split; −1: there was none. */
  draw = -1;
  /** The digest of the key for consistent hashing; 0: none. */
  hash = 0;
  /** The key of its home backend; 0: none. */
  home = 0;
  /** What became of its affinity cookie; undefined: the pool has no affinity. */
  affinity: AffinityVerdict | undefined = undefined;
  /** The value of the Set-Cookie field on the response; empty: none. */
  setCookie = '';
}
