/** `key=value` words as settings: `policy=random queue.maxWaiting=10`, each value parsed as its key requires. */
import { quoted } from '../../../eventlog/index.ts';
import {
  isSchema,
  type JsonSchema,
  nearest,
  parsedJson,
  readJson,
  renderProblem,
  schemaAt,
} from '../../config/index.ts';
import { UsageError } from '../failure.ts';
import type { Settings } from '../transport/replies.ts';

export type Pair = { readonly path: readonly string[]; readonly value: unknown };

export function parsePairs(words: readonly string[], schema: JsonSchema): Pair[] {
  const keys = new Set<string>();
  return words.map((word) => {
    const cut = word.indexOf('=');
    if (cut < 1) throw new UsageError(`expected KEY=VALUE, found ${quoted(word)}`);
    const key = word.slice(0, cut);
    if (keys.has(key)) throw new UsageError(`${key}: expected once, found twice`);
    keys.add(key);
    const path = parseKey(key, schema);
    const inner = schemaAt(schema, path);
    const text = word.slice(cut + 1);
    const isTree = /^[[{]/.test(text) && !fits(inner, text);
    return { path, value: isTree ? treeFrom(text, path) : valueFor(inner, text) };
  });
}

/** For example `queue.maxWaiting`; an unknown key is wrong usage. */
export function parseKey(key: string, schema: JsonSchema): readonly string[] {
  const path = key.split('.');
  const known = !path.includes('__proto__') && schemaAt(schema, path) !== undefined;
  if (known) return path;
  const meant = nearest(key, keysOf(schema));
  throw new UsageError(
    `unknown key ${quoted(key)}`,
    meant === undefined ? undefined : `did you mean ${meant}?`,
  );
}

/** `health.active` takes `false`, or the keys below it, so it is listed itself besides them. */
export function keysOf(schema: JsonSchema, prefix = ''): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const path = `${prefix}${key}`;
    const branches = isSchema(inner) ? [inner, ...(inner.anyOf ?? [])].filter(isSchema) : [];
    const below = branches.flatMap((branch) => keysOf(branch, `${path}.`));
    return below.length > 0 && branches.length === 1 ? below : [path, ...below];
  });
}

/**
 * If a key takes text, `123` is text; otherwise the value is JSON, so that `null`, `false` and `[1,2]` can be given.
 */
function valueFor(schema: JsonSchema | undefined, text: string): unknown {
  const value = parsedJson(text);
  if (value !== undefined && typeof value !== 'string' && fits(schema, value)) return value;
  if (fits(schema, text)) return text;
  return value ?? text;
}

function treeFrom(text: string, path: readonly string[]): unknown {
  const read = readJson(text);
  if (read.ok) return read.value;
  const [problem] = read.problems;
  throw new UsageError(problem === undefined ? '' : renderProblem(problem, path.join('.')));
}

function fits(schema: JsonSchema | undefined, value: unknown): boolean {
  if (schema === undefined) return true;
  if (schema.anyOf !== undefined)
    return schema.anyOf.some((branch) => isSchema(branch) && fits(branch, value));
  if (schema.const !== undefined) return schema.const === value;
  return schema.type === typeOf(value) || (schema.type === 'integer' && typeof value === 'number');
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

export function withPair(settings: Settings, { path, value }: Pair): Settings {
  const [key = '', ...rest] = path;
  if (rest.length === 0) return { ...settings, [key]: value };
  const inner = settings[key];
  const below = isTree(inner) ? inner : {};
  return { ...settings, [key]: withPair(below, { path: rest, value }) };
}

/** Removes the key, which then has its default. */
export function without(settings: Settings, path: readonly string[]): Settings {
  const [key = '', ...rest] = path;
  const { [key]: inner, ...others } = settings;
  if (rest.length === 0 || !isTree(inner)) return others;
  return { ...others, [key]: without(inner, rest) };
}

function isTree(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
