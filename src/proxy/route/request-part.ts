/** The part of a request by which pools and splits keep requests together, as text. */
import { fieldOf } from '../../../actors/index.ts';
import type { RequestHead } from '../../wire/index.ts';

export type Client = { readonly address: string; readonly isTrusted: boolean };

export type Part = 'address' | 'path' | { readonly header: string } | { readonly cookie: string };

/** Empty: the request has none. */
export function partOf(part: Part, head: RequestHead, client: Client): string {
  if (part === 'address') return addressOf(head, client);
  if (part === 'path') return pathOf(head.target);
  if ('header' in part) return fieldOf(head.fields, part.header.toLowerCase());
  return cookieOf(head, part.cookie);
}

/** From a trusted peer, the last address of X-Forwarded-For; anybody may have written those before it. */
function addressOf(head: RequestHead, client: Client): string {
  if (!client.isTrusted) return client.address;
  const forwarded = fieldOf(head.fields, 'x-forwarded-for');
  const last = forwarded.slice(forwarded.lastIndexOf(',') + 1).trim();
  return last === '' ? client.address : last;
}

/** The path without the query, from a target in origin-form or absolute-form. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  const whole = query < 0 ? target : target.slice(0, query);
  if (whole.startsWith('/')) return whole;
  const authority = whole.indexOf('://');
  if (authority < 0) return whole;
  const path = whole.indexOf('/', authority + 3);
  return path < 0 ? '/' : whole.slice(path);
}

/** With its question mark; empty: there is none. */
export function queryOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? '' : target.slice(query);
}

const [TAB, SPACE, EQUALS] = [0x09, 0x20, 0x3d];

/** RFC 6265 §5.4: pairs separated by semicolons; the first pair with the name counts. Linear time for any input. */
export function cookieOf(head: RequestHead, name: string): string {
  const cookies = fieldOf(head.fields, 'cookie');
  for (let from = 0; from < cookies.length; ) {
    const semicolon = cookies.indexOf(';', from);
    const end = semicolon < 0 ? cookies.length : semicolon;
    const at = behindBlanks(cookies, from);
    if (cookies.startsWith(name, at)) {
      const equals = behindBlanks(cookies, at + name.length);
      if (cookies.charCodeAt(equals) === EQUALS) return cookies.slice(equals + 1, end).trim();
    }
    from = end + 1;
  }
  return '';
}

function behindBlanks(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code === SPACE || code === TAB; code = text.charCodeAt(at)) at++;
  return at;
}
