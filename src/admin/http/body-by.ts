/** Small request bodies of our own, checked by a schema; a missing body counts as an empty object. */
import type { z } from 'zod';
import { parseBy } from '../../config/routing-schema.ts';
import type { Call } from './call.ts';
import { Refused } from './problem.ts';
import { checked } from './wish.ts';

/** A key may be in the query or in the body, but not in both: it would be unclear which one counts. */
export async function bodyBy<Schema extends z.ZodType>(
  call: Call,
  schema: Schema,
): Promise<z.output<Schema>> {
  const sent = await call.body();
  const body = checked(parseBy(schema, sent === undefined ? {} : sent));
  for (const key of call.query.keys()) {
    if (Object.hasOwn(body as object, key))
      throw new Refused('invalid_query', `expected ${key} once, found it in the query and in the body`);
  }
  return body;
}
