/** The author, the id and the condition of a command: the headers that every command may have. */
import type { IncomingHttpHeaders } from 'node:http';
import type { By } from '../../../actors/index.ts';
import { quoted } from '../../../eventlog/index.ts';
import { type Call, header } from './call.ts';
import { problem, Refused } from './problem.ts';

export function byOf(call: Call): By {
  const author = header(call, 'switchyard-author') ?? 'admin';
  if (!/^[\x20-\x7e]{1,100}$/.test(author)) {
    throw new Refused(
      'invalid_header',
      `Switchyard-Author: expected 1 to 100 printable characters, found ${quoted(author)}`,
    );
  }
  const commandId = header(call, 'idempotency-key');
  if (commandId === undefined) return { author };
  if (!/^[\x21-\x7e]{1,200}$/.test(commandId)) {
    throw new Refused(
      'invalid_header',
      `Idempotency-Key: expected 1 to 200 visible characters, found ${quoted(commandId)}`,
    );
  }
  return { author, commandId };
}

export type Condition =
  | { readonly type: 'none' }
  | { readonly type: 'exists' }
  | { readonly type: 'version'; readonly version: number };

/** RFC 9110 §13.1: `If-Match: "7"` or `*`, and `If-None-Match: *`, which means version 0, before creation. */
export function conditionOf(call: Call): Condition {
  const match = header(call, 'if-match');
  const noneMatch = header(call, 'if-none-match');
  if (match !== undefined && noneMatch !== undefined) {
    throw new Refused('invalid_header', 'expected If-Match or If-None-Match, found both');
  }
  if (noneMatch !== undefined) return onlyCreate(noneMatch);
  if (match === undefined) return { type: 'none' };
  if (match === '*') return { type: 'exists' };
  // 15 digits: integers that a number holds exactly.
  const version = /^"(\d{1,15})"$/.exec(match)?.[1];
  if (version !== undefined) return { type: 'version', version: Number(version) };
  throw new Refused(
    'invalid_header',
    `If-Match: expected one strong entity tag such as "7", or *, found ${quoted(match)}`,
  );
}

/** A POST has no version: a condition that is not checked must not appear to hold. */
export function checkUnconditional(call: { readonly headers: IncomingHttpHeaders }): void {
  const name = ['If-Match', 'If-None-Match'].find((each) => header(call, each.toLowerCase()) !== undefined);
  if (name !== undefined)
    throw new Refused('invalid_header', `${name}: expected it with PUT or DELETE, found it with POST`);
}

function onlyCreate(noneMatch: string): Condition {
  if (noneMatch === '*') return { type: 'version', version: 0 };
  throw new Refused('invalid_header', `If-None-Match: expected *, found ${quoted(noneMatch)}`);
}

export function ifVersion(condition: Condition): { readonly ifVersion?: number } {
  return condition.type === 'version' ? { ifVersion: condition.version } : {};
}

/** `If-Match: *` for something that does not exist. */
export function absent(what: string) {
  const members = { expected: '*', found: 0, won: [] };
  return problem('version_mismatch', `expected any version of ${what}, found none`, { members });
}
