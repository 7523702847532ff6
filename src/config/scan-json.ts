/**
 * Scans a text as JSON without building values: where is the first fault, and which keys are duplicates? It holds no
 * more than the keys of the open objects, and nesting costs no stack.
 */
import type { Path } from './problem.ts';

export type Scan = {
  /** The offset of the first character that is not valid there; undefined for valid JSON. */
  readonly fault: number | undefined;
  readonly repeated: readonly Repeated[];
};

/** In the order of the text. */
export type Repeated = { readonly path: Path; readonly offset: number };

/** An open object (with its keys) or list (without), and the present position in it. */
type Level = { readonly keys: Set<string> | undefined; key: string; index: number };

type Next = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma or end' | 'nothing';

// Deeper nesting is not a configuration, and it may be arbitrarily deep.
const MOST_STEPS = 32;

const SPACE = /[ \t\n\r]*/y;
const WORD = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

export function scanJson(text: string): Scan {
  const levels: Level[] = [];
  const repeated: Repeated[] = [];
  let next: Next = 'value';
  let at = skip(SPACE, text, 0);
  while (at < text.length) {
    const after = stepOver(text, at, next);
    if (after === undefined) return { fault: at, repeated };
    const level = levels.at(-1);
    const sign = text[at]!;
    if (next.startsWith('key') && sign === '"') {
      if (!noted(level!, text.slice(at, after))) repeated.push({ path: pathOf(levels), offset: at });
      next = 'colon';
    } else if (sign === '{' || sign === '[') {
      levels.push({ keys: sign === '{' ? new Set() : undefined, key: '', index: 0 });
      next = sign === '{' ? 'key or }' : 'value or ]';
    } else if (sign === ':') next = 'value';
    else if (sign === ',') {
      level!.index += 1;
      next = level!.keys === undefined ? 'value' : 'key';
    } else {
      if (sign === '}' || sign === ']') levels.pop();
      next = levels.length === 0 ? 'nothing' : 'comma or end';
    }
    // A comma or an end must fit the level it is in.
    if (next === 'comma or end' && !endFits(text, after, levels.at(-1)!)) {
      return { fault: skip(SPACE, text, after), repeated };
    }
    at = skip(SPACE, text, after);
  }
  return { fault: next === 'nothing' ? undefined : text.length, repeated };
}

/** The offset after the token; undefined if the token is not valid here. */
function stepOver(text: string, at: number, next: Next): number | undefined {
  const sign = text[at]!;
  switch (next) {
    case 'key':
      return sign === '"' ? stringEnd(text, at) : undefined;
    case 'key or }':
      return sign === '}' ? at + 1 : sign === '"' ? stringEnd(text, at) : undefined;
    case 'colon':
      return sign === ':' ? at + 1 : undefined;
    case 'comma or end':
      return at + 1;
    case 'nothing':
      return undefined;
    case 'value or ]':
      return sign === ']' ? at + 1 : valueEnd(text, at);
    case 'value':
      return valueEnd(text, at);
  }
}

function valueEnd(text: string, at: number): number | undefined {
  const sign = text[at];
  if (sign === '{' || sign === '[') return at + 1;
  if (sign === '"') return stringEnd(text, at);
  const end = skip(WORD, text, at);
  return end === at ? undefined : end;
}

/** By search rather than a regular expression: a string may be as long as the text. */
function stringEnd(text: string, start: number): number | undefined {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslash = quote;
    while (text[backslash - 1] === '\\') backslash -= 1;
    if ((quote - backslash) % 2 === 1) continue;
    return isString(text.slice(start, quote + 1)) ? quote + 1 : undefined;
  }
  return undefined;
}

function isString(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function endFits(text: string, at: number, level: Level): boolean {
  const sign = text[skip(SPACE, text, at)];
  return sign === undefined || sign === ',' || sign === (level.keys === undefined ? ']' : '}');
}

function noted(level: Level, text: string): boolean {
  level.key = JSON.parse(text);
  const isNew = !level.keys!.has(level.key);
  level.keys!.add(level.key);
  return isNew;
}

function pathOf(levels: readonly Level[]): Path {
  return levels.slice(0, MOST_STEPS).map((level) => (level.keys === undefined ? level.index : level.key));
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(text)?.[0].length ?? 0);
}
