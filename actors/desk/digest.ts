/**
 * The digest by which a repeated command is recognised. It is kept in the log, so the same command must always give the
 * same one.
 */
import { createHash } from 'node:crypto';
import type { Json } from '../../eventlog/index.ts';

// A plan for everything is a text of many megabytes, which is never made as a whole: its pools and domains are two levels
// deep.
const BY_MEMBERS = 2;
const PIECE = 65_536;

export function digestOf(value: Json): string {
  const hash = createHash('sha256');
  let piece = '';
  write(value, BY_MEMBERS, (text) => {
    piece += text;
    if (piece.length < PIECE) return;
    hash.update(piece);
    piece = '';
  });
  return hash.update(piece).digest('base64url');
}

/** The text of `canonical`, written member by member down to this depth. */
function write(value: Json, depth: number, say: (text: string) => void): void {
  if (depth === 0 || !isObject(value)) {
    say(canonical(value));
    return;
  }
  const members = inOrder(value);
  let before = '{';
  for (const key of Object.keys(members)) {
    const inner = members[key];
    if (inner === undefined) continue;
    say(`${before}${JSON.stringify(key)}:`);
    write(inner, depth - 1, say);
    before = ',';
  }
  say(before === '{' ? '{}' : '}');
}

/**
 * Equal values give equal texts, in whatever order their keys were written. Not the same as `canonicalJson`: names that are
 * whole numbers are ordered as the engine orders them here, 9 before 10, so the digests would differ.
 */
function canonical(value: Json): string {
  // True of settings that were parsed; the engine writes them four times as fast without a replacer.
  if (isCanonical(value)) return JSON.stringify(value);
  return JSON.stringify(value, (_key, inner) => (isObject(inner) ? inOrder(inner) : inner));
}

type Members = { readonly [key: string]: Json };

function isCanonical(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (!Array.isArray(value) && !areInOrder(value as Members)) return false;
  return Object.values(value).every(isCanonical);
}

function inOrder(members: Members): Members {
  if (areInOrder(members)) return members;
  return Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function areInOrder(members: Members): boolean {
  const keys = Object.keys(members);
  for (let at = 1; at < keys.length; at++) if (keys[at - 1]! > keys[at]!) return false;
  return true;
}

function isObject(value: Json): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
