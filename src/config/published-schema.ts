/** The JSON Schema published beside the program, for editors and other tools: `docs/config.schema.json`. */
import { configSchema } from './config.ts';
import { jsonSchemaOf } from './issues.ts';

export function publishedSchema(): string {
  return `${JSON.stringify(jsonSchemaOf(configSchema), undefined, 2)}\n`;
}
