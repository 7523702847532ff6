/** The committed schema is the one the program would print. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { publishedSchema } from '../../src/config/published-schema.ts';

it('docs/config.schema.json is current; `switchyard schema > docs/config.schema.json` renews it', () => {
  const committed = readFileSync(new URL('../../docs/config.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(committed)).toEqual(JSON.parse(publishedSchema()));
});

it('every setting of the process and the routing has a description or settings below it', () => {
  const undescribed: string[] = [];
  walk(JSON.parse(publishedSchema()), '', undescribed);
  expect(undescribed).toEqual([]);
});

type Node = {
  description?: string;
  properties?: Record<string, Node>;
  additionalProperties?: Node | false;
  items?: Node;
};

function walk(node: Node, path: string, undescribed: string[]): void {
  for (const [key, inner] of Object.entries(node.properties ?? {})) {
    const place = `${path}.${key}`;
    const below = inner.properties ?? inner.additionalProperties ?? inner.items;
    if (inner.description === undefined && !below) undescribed.push(place);
    walk(inner, place, undescribed);
  }
  if (typeof node.additionalProperties === 'object')
    walk(node.additionalProperties, `${path}.*`, undescribed);
  if (node.items !== undefined) walk(node.items, `${path}[]`, undescribed);
}
