/** Small bodies of our own, checked by a schema; no body at all stands for an empty object. */
import type { z } from 'zod';
import { parseBy } from '../config/routing-schema.ts';
import type { Call } from './call.ts';
import { checked } from './wish.ts';

export async function bodyBy<Schema extends z.ZodType>(
  call: Call,
  schema: Schema,
): Promise<z.output<Schema>> {
  return checked(parseBy(schema, (await call.body()) ?? {}));
}
