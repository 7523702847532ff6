/**
 * What was decided about a request between its domain and its pool, for its way and for its record. Created only if
 * there is something to decide.
 */
import type { AffinityVerdict } from '../../../eventlog/index.ts';
import type { Route } from './domain-routes.ts';

export class Choice {
  route: Route | undefined = undefined;
  /** Which conditions on headers held, of those that were looked at. */
  held = 0;
  /** What a split was decided by; −1: there was none. */
  draw = -1;
  /** The digest of what it is kept together by; 0: of nothing. */
  hash = 0;
  /** The key of the backend where it is at home; 0: nowhere. */
  home = 0;
  /** What its affinity cookie was worth; undefined: its pool has none. */
  affinity: AffinityVerdict | undefined = undefined;
  /** Set on its response. */
  setCookie = '';
}
