/**
 * Turns what zod found wrong into problems: expectations are read off the schema's own JSON Schema, so that they
 * name the whole of what is allowed at a place, and an unknown key is answered with the nearest known one.
 */
import { z } from 'zod';
import { nearest } from './nearest.ts';
import { describeFound, type Path, type Problem, renderPath, splitMessage } from './problem.ts';

export type JsonSchema = z.core.JSONSchema.BaseSchema;

const schemas = new WeakMap<z.ZodType, JsonSchema>();

/** The schema of the input, before defaults are filled in. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const known = schemas.get(schema);
  if (known !== undefined) return known;
  const made = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  schemas.set(schema, made);
  return made;
}

/** One problem per place: a value that is neither whole nor in range is reported once, with what was expected. */
export function problemsOf(schema: z.ZodType, error: z.ZodError, input: unknown, at: Path = []): Problem[] {
  const problems = error.issues.flatMap((issue) => issueProblems(jsonSchemaOf(schema), issue, input, at));
  return [...Map.groupBy(problems, ({ path }) => path).values()].map(([first]) => first!);
}

function issueProblems(root: JsonSchema, issue: z.core.$ZodIssue, input: unknown, at: Path): Problem[] {
  const inner = issue.path as Path;
  const path = [...at, ...inner];
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(schemaAt(root, inner)?.properties ?? {});
    return issue.keys.map((key) => unknownKey([...path, key], key, known));
  }
  if (issue.code === 'invalid_union') {
    const meant = issue.errors.find((branch) => branch.length > 0 && branch.every(isInside));
    if (meant !== undefined)
      return meant.flatMap((one) => issueProblems(root, withPath(one, inner), input, at));
  }
  if (issue.code === 'invalid_key') {
    const message = issue.issues[0]?.message ?? 'expected another key';
    return [{ path: renderPath(path), ...splitMessage(message, `the key ${describeFound(inner.at(-1))}`) }];
  }
  const here = schemaAt(root, inner);
  const given = valueAt(input, inner);
  // A wrong secret is reported without its value.
  const found = isSecret(here, given) ? 'something else' : foundBy(issue, given);
  // Our own message says more than the schema.
  if (issue.code === 'custom' || issue.message.startsWith('expected '))
    return [{ path: renderPath(path), ...splitMessage(issue.message, found) }];
  const expected = here === undefined ? issue.message : describeSchema(here);
  const meant = typeof given === 'string' ? nearest(given, wordsOf(here)) : undefined;
  return [{ path: renderPath(path), expected, found, ...(meant === undefined ? {} : { nearest: meant }) }];
}

/** Text in place of an object that has a secret may be that secret. */
function isSecret(here: JsonSchema | undefined, given: unknown): boolean {
  const holds = Object.values(here?.properties ?? {}).some(
    (part) => isSchema(part) && part.writeOnly === true,
  );
  return here?.writeOnly === true || (holds && typeof given === 'string');
}

/** For a list that is too long: its length. */
function foundBy({ code }: z.core.$ZodIssue, value: unknown): string {
  return code === 'too_big' && Array.isArray(value) ? `one of ${value.length}` : describeFound(value);
}

/** If `false` or an object is allowed and an object is given, only the problems inside the object are reported. */
function isInside(issue: z.core.$ZodIssue): boolean {
  return issue.path.length > 0 || issue.code === 'unrecognized_keys';
}

function withPath(issue: z.core.$ZodIssue, at: Path): z.core.$ZodIssue {
  return { ...issue, path: [...at, ...issue.path] };
}

export function unknownKey(path: Path, key: string, known: readonly string[]): Problem {
  const meant = nearest(key, known);
  return {
    path: renderPath(path),
    expected: known.length === 0 ? 'no key here' : `one of the keys ${known.join(', ')}`,
    found: 'an unknown key',
    ...(meant === undefined ? {} : { nearest: meant }),
  };
}

/** The part of a JSON Schema for this place; undefined if there is none. */
export function schemaAt(root: JsonSchema, path: Path): JsonSchema | undefined {
  let here: JsonSchema | undefined = root;
  for (const step of path) here = here === undefined ? undefined : stepInto(here, step);
  return here;
}

function stepInto(schema: JsonSchema, step: string | number): JsonSchema | undefined {
  const branches = [schema, ...(schema.anyOf ?? [])].filter(isSchema);
  for (const branch of branches) {
    const { properties, additionalProperties, items } = branch;
    if (typeof step === 'number' && isSchema(items)) return items;
    if (typeof step !== 'string') continue;
    const known = properties !== undefined && Object.hasOwn(properties, step) ? properties[step] : undefined;
    const next = known ?? additionalProperties;
    if (isSchema(next)) return next;
  }
  return undefined;
}

export function isSchema(schema: unknown): schema is JsonSchema {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema);
}

function describeSchema(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.filter(isSchema).map(describeSchema).join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return oneOf(schema.enum.map((word) => JSON.stringify(word)));
  switch (schema.type) {
    case 'integer':
      return `a whole number${range(schema)}`;
    case 'number':
      return `a number${range(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'null';
    case 'array':
      return `a list${range({ minimum: schema.minItems, maximum: schema.maxItems }, ' entries')}`;
    case 'object':
      return `an object${keysOf(schema)}`;
    case 'string':
      return `a string${range({ minimum: schema.minLength, maximum: schema.maxLength }, ' characters')}${meaning(schema)}`;
    default:
      return schema.description ?? 'something else';
  }
}

/** Somebody who wrote something else may not know which keys it has. */
function keysOf({ properties }: JsonSchema): string {
  if (properties === undefined) return ' with names as keys';
  const keys = Object.keys(properties);
  return ` with the ${keys.length === 1 ? 'key' : 'keys'} ${keys.join(', ')}`;
}

/** For a string, the type alone says little. */
function meaning({ description }: JsonSchema): string {
  return description === undefined ? '' : ` (${description})`;
}

type Range = { readonly minimum?: number | undefined; readonly maximum?: number | undefined };

function range({ minimum, maximum }: Range, unit = ''): string {
  if (minimum === undefined && maximum === undefined) return '';
  if (maximum === undefined) return ` of at least ${minimum}${unit}`;
  if (minimum === undefined) return ` of at most ${maximum}${unit}`;
  return unit === '' ? ` from ${minimum} to ${maximum}` : ` of ${minimum} to ${maximum}${unit}`;
}

function oneOf(words: readonly string[]): string {
  return words.length === 1 ? words[0]! : `one of ${words.join(', ')}`;
}

function wordsOf(schema: JsonSchema | undefined): string[] {
  const branches = [schema, ...(schema?.anyOf ?? [])].filter(isSchema);
  return branches
    .flatMap((branch) => branch.enum ?? [branch.const])
    .filter((word): word is string => typeof word === 'string');
}

function valueAt(input: unknown, path: Path): unknown {
  let here = input;
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined;
    here = (here as Record<string | number, unknown>)[step];
  }
  return here;
}
