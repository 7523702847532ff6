/** The three accepted forms of a request target, reduced to what a backend is sent (RFC 9112 §3.2). */

import { sameText } from '../octets.ts';
import type { RequestRefusalReason } from '../refusal.ts';

const SLASH = 0x2f;

export type TargetProblem = Extract<
  RequestRefusalReason,
  'invalid_target' | 'target_host_mismatch' | 'misdirected_scheme'
>;

/** The target to send: origin-form or `*`. A problem has no slash and is no star, so it cannot be mistaken for a target. */
export function reduceTarget(method: string, target: string, host: string): string | TargetProblem {
  if (target.charCodeAt(0) === SLASH) return target;
  // RFC 9112 §3.2.4: asterisk-form is for a server-wide OPTIONS only.
  if (target === '*') return method === 'OPTIONS' ? target : 'invalid_target';
  return fromAbsolute(method, target, host);
}

export function isTargetProblem(reduced: string): reduced is TargetProblem {
  return reduced.charCodeAt(0) !== SLASH && reduced !== '*';
}

function fromAbsolute(method: string, target: string, host: string): string | TargetProblem {
  const colon = target.indexOf('://');
  if (colon <= 0) return 'invalid_target';
  const scheme = target.slice(0, colon).toLowerCase();
  // RFC 9110 §7.4: an https resource must not be answered over an unsecured connection.
  if (scheme === 'https') return 'misdirected_scheme';
  if (scheme !== 'http') return 'invalid_target';

  const authorityStart = colon + 3;
  const authorityEnd = endOfAuthority(target, authorityStart);
  const authority = target.slice(authorityStart, authorityEnd);
  // RFC 9110 §4.2.4: user information in an http URI should be treated as an error.
  if (authority.length === 0 || authority.includes('@')) return 'invalid_target';
  if (!sameText(authority, host.toLowerCase())) return 'target_host_mismatch';

  const rest = target.slice(authorityEnd);
  if (rest.charCodeAt(0) === SLASH) return rest;
  // RFC 9112 §3.2.4: an empty path becomes `*` for OPTIONS, otherwise RFC 9110 §4.2.3: it is `/`.
  return rest === '' && method === 'OPTIONS' ? '*' : `/${rest}`;
}

function endOfAuthority(target: string, from: number): number {
  for (let at = from; at < target.length; at++) {
    const byte = target.charCodeAt(at);
    if (byte === SLASH || byte === 0x3f) return at;
  }
  return target.length;
}
