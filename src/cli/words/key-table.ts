/** The keys that `set` takes, with defaults and descriptions, read from the schema. */
import { isSchema, type JsonSchema, schemaAt } from '../../config/index.ts';
import { renderTable } from '../render/table.ts';
import { keysOf } from './setting-pairs.ts';

export function keyTable(schema: JsonSchema): string[] {
  const rows = keysOf(schema).map((key) => {
    const found = schemaAt(schema, key.split('.'));
    const { default: fallback, description } = isSchema(found) ? found : {};
    const unless = schema.required?.includes(key) ? 'needed' : '';
    return [key, fallback === undefined ? unless : JSON.stringify(fallback), description];
  });
  return renderTable(['key', 'default', 'meaning'], rows).map((line) => `  ${line}`);
}
