/** docs/settings.md has a row for every setting there is, as the schema has it, and for no other. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type JsonSchema, schemaAt } from '../../src/config/index.ts';
import { publishedSchema } from '../../src/config/published-schema.ts';

const DOCUMENT = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');
const ROOT: JsonSchema = JSON.parse(publishedSchema());

/** What each chapter tells of: where it is in a file, and what has a chapter of its own. */
const CHAPTERS: readonly (readonly [title: string, path: readonly (string | number)[], others: string])[] = [
  ['The process', [], '$schema listeners pools domains'],
  ['A listener', ['listeners', 0], ''],
  ['A pool', ['pools', 'web'], 'backends'],
  ['A backend', ['pools', 'web', 'backends', 'web.1'], ''],
  ['A domain', ['domains', 'shop.example'], ''],
];

describe('the settings of', () => {
  it.each(CHAPTERS)('%s', (title, path, others) => {
    const schema = schemaAt(ROOT, path) ?? {};
    const settings = settingsOf(schema).filter(
      ([key]) => !others.split(' ').includes(/^[^.[]*/.exec(key)![0]),
    );
    const wanted = settings.map(([key, one, isNeeded]) => row(key, one, isNeeded));
    expect(rowsUnder(title)).toEqual(wanted);
  });
});

type Setting = readonly [key: string, schema: JsonSchema, isNeeded: boolean];

function settingsOf(schema: JsonSchema, prefix = ''): Setting[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const one = inner as JsonSchema;
    const isGroup = one.description === undefined && one.properties !== undefined;
    const own: Setting = [`${prefix}${key}`, one, schema.required?.includes(key) ?? false];
    return [...(isGroup ? [] : [own]), ...settingsBelow(one, `${prefix}${key}`)];
  });
}

function settingsBelow(schema: JsonSchema, key: string): Setting[] {
  const branches = [schema, ...((schema.anyOf as JsonSchema[] | undefined) ?? [])];
  const items = schema.items as JsonSchema | undefined;
  return [
    ...branches.flatMap((branch) => settingsOf(branch, `${key}.`)),
    ...(items === undefined ? [] : settingsOf(items, `${key}[].`)),
  ];
}

function row(key: string, schema: JsonSchema, isNeeded: boolean): string {
  const { default: usual, description = '' } = schema;
  const unless = isNeeded ? 'needed' : '';
  return `| \`${key}\` | ${usual === undefined ? unless : `\`${JSON.stringify(usual)}\``} | ${taken(schema)} | ${description} |`;
}

function taken(schema: JsonSchema): string {
  const { anyOf, const: only, enum: words, type, minimum, maximum, maxLength, items } = schema;
  if (anyOf !== undefined) return [...new Set((anyOf as JsonSchema[]).map(taken))].join(', ');
  if (only !== undefined) return `\`${JSON.stringify(only)}\``;
  if (words !== undefined) return words.map((word) => `\`${JSON.stringify(word)}\``).join(', ');
  if (type === 'integer') return `${minimum} to ${maximum}`;
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'array') return `a list${items === undefined ? '' : ` of ${noun(items as JsonSchema)}`}`;
  if (type === 'string') return `text${maxLength === undefined ? '' : ` of at most ${maxLength} characters`}`;
  return type === 'null' ? '`null`' : 'an object';
}

function noun(items: JsonSchema): string {
  return items.type === 'object' ? 'objects' : taken(items);
}

function rowsUnder(title: string): string[] {
  const [, chapter = ''] = DOCUMENT.split(`\n## ${title}\n`);
  const [text = ''] = chapter.split('\n## ');
  return text.split('\n').filter((line) => line.startsWith('| `'));
}
