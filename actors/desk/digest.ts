/** What a wish is told by, when it is asked again under the same id. Kept in the log: of the same wish it stays the same. */
import { createHash } from 'node:crypto';
import type { Json } from '../../eventlog/index.ts';

// A wish for everything is a text of many megabytes, which is never made as a whole: its pools and domains are members of members.
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

/** The text of `canonical`, member by member down to that depth. */
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
 * The same wish gives the same text, in whatever order its keys were written. Not `canonicalJson`, which has other digests: names that
 * are whole numbers stand here as the engine orders them, 9 before 10.
 */
function canonical(value: Json): string {
  // As settings are that were read, which the engine writes four times as fast without being asked about each of them.
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
