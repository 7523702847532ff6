/** What a request is kept together by, as a number: for pools whose policy sends the same key to the same backend. */
import { keyOf } from '../../actors/index.ts';
import type { PoolSettings } from '../../eventlog/index.ts';
import type { RequestHead } from '../wire/index.ts';

export type Client = { readonly address: string; readonly isTrusted: boolean };

const NO_KEY = 0;

/** 0: the pool does not ask for one, or the request has none. */
export function hashKeyOf(settings: PoolSettings, head: RequestHead, client: Client): number {
  if (settings.policy !== 'consistent-hash') return NO_KEY;
  const value = keyIn(settings.hashOn, head, client);
  return value === '' ? NO_KEY : keyOf(value);
}

function keyIn(hashOn: PoolSettings['hashOn'], head: RequestHead, client: Client): string {
  if (hashOn === 'address') return addressOf(head, client);
  if (hashOn === 'path') return pathOf(head.target);
  if ('header' in hashOn) return fieldOf(head, hashOn.header);
  return cookieOf(fieldOf(head, 'cookie'), hashOn.cookie);
}

/** Of a peer we trust the last it says it had before itself: what stands before that, anybody may have written. */
function addressOf(head: RequestHead, client: Client): string {
  if (!client.isTrusted) return client.address;
  const forwarded = fieldOf(head, 'x-forwarded-for');
  const last = forwarded.slice(forwarded.lastIndexOf(',') + 1).trim();
  return last === '' ? client.address : last;
}

/** Without the query, of a target in origin-form or absolute-form. */
function pathOf(target: string): string {
  const query = target.indexOf('?');
  const whole = query < 0 ? target : target.slice(0, query);
  if (whole.startsWith('/')) return whole;
  const authority = whole.indexOf('://');
  if (authority < 0) return whole;
  const path = whole.indexOf('/', authority + 3);
  return path < 0 ? '/' : whole.slice(path);
}

/** RFC 9110 §5.3: the lines of a field make one list. */
function fieldOf(head: RequestHead, name: string): string {
  const wanted = name.toLowerCase();
  const separator = wanted === 'cookie' ? '; ' : ', ';
  let value = '';
  for (let i = 0; i < head.fields.length; i += 2) {
    if (head.fields[i]!.toLowerCase() !== wanted) continue;
    value = value === '' ? head.fields[i + 1]! : value + separator + head.fields[i + 1]!;
  }
  return value;
}

/** RFC 6265 §5.4: pairs parted by semicolons; the first of a name counts. */
function cookieOf(cookies: string, name: string): string {
  for (let from = 0; from < cookies.length; ) {
    const semicolon = cookies.indexOf(';', from);
    const end = semicolon < 0 ? cookies.length : semicolon;
    const equals = cookies.indexOf('=', from);
    if (equals >= 0 && equals < end && cookies.slice(from, equals).trim() === name)
      return cookies.slice(equals + 1, end).trim();
    from = end + 1;
  }
  return '';
}
