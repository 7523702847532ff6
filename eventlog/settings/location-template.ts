/**
 * The location of a redirect: literal text with `{host}`, `{path}`, `{query}` and `{rest}`, filled in from the
 * request. The result is always a well-formed field value, and leads to another host only if the template names one.
 */
import { type Parsed, quoted } from '../names.ts';

export type LocationPart =
  | { readonly type: 'text'; readonly text: string }
  /** `host`: without port · `path`: as sent · `query`: with its question mark, or empty · `rest`: the path after the prefix. */
  | { readonly type: 'host' | 'path' | 'query' | 'rest' };

const WORDS = ['host', 'path', 'query', 'rest'] as const;
// RFC 3986 §2: the characters that a URI may contain; others must be percent-encoded by the author.
const TEXT = /^[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=%-]*$/;
const MAX_CHARACTERS = 2048;
// An absolute URL with a host, a path that no browser takes for a host, or the path of the request itself.
const BEGINNING = /^(?:https?:\/\/(?:\{host\}|[A-Za-z0-9[])|\/(?!\/)|\{path\}|\{rest\})/;
const EXPECTED = 'expected http://…, https://…, /path, {path} or {rest}';

export function parseLocation(template: string): Parsed<readonly LocationPart[]> {
  if (template.length > MAX_CHARACTERS)
    return { ok: false, problem: `expected at most ${MAX_CHARACTERS} characters` };
  if (!BEGINNING.test(template)) return { ok: false, problem: `${EXPECTED}, found ${quoted(template)}` };
  const parts: LocationPart[] = [];
  for (const piece of template.split(/(\{[^{}]*\})/)) {
    if (piece === '') continue;
    const part = piece.startsWith('{') ? wordOf(piece.slice(1, -1)) : textOf(piece);
    if (typeof part === 'string') return { ok: false, problem: part };
    parts.push(part);
  }
  return { ok: true, value: parts };
}

function wordOf(word: string): LocationPart | string {
  const known = WORDS.find((each) => each === word);
  if (known !== undefined) return { type: known };
  return `expected {host}, {path}, {query} or {rest}, found ${quoted(`{${word}}`)}`;
}

function textOf(text: string): LocationPart | string {
  if (TEXT.test(text)) return { type: 'text', text };
  return `expected the characters of a URL, found ${quoted(text)}`;
}
