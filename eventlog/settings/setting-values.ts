/** The types of values in settings: names, times, counts, addresses, header fields. */
import { z } from 'zod';
import { parseBackendId, parseDomainName, parsePoolName } from '../names.ts';
import { isAddress } from './address.ts';

// A day: no wait on a request path is longer, and every timer of Node can hold it.
const MAX_MS = 86_400_000;
export const ms = z.int().min(0).max(MAX_MS);
export const count = z.int().min(0).max(1_000_000);

const name = <T>(parse: (text: string) => { ok: true; value: T } | { ok: false; problem: string }) =>
  z.string().transform((text, context) => {
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    context.addIssue({ code: 'custom', message: parsed.problem });
    return z.NEVER;
  });

export const domainName = name(parseDomainName);
export const poolName = name(parsePoolName);
export const backendId = name(parseBackendId);

export const address = z.string().refine(isAddress, 'expected host:port, [v6]:port or unix:/path');

// RFC 9110 §5.1 and RFC 6265 §4.1.1: names of fields and of cookies are tokens.
export const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
export const fieldName = z.string().regex(FIELD_NAME, 'expected a token of at most 100 characters');

// RFC 9110 §5.5: visible text without line ends.
export const FIELD_VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]{0,4094}[\x21-\x7e\x80-\xff])?)?$/;
