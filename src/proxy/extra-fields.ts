/** Fields that a domain adds to messages, beside those that we do. */
import type { Fields } from '../wire/index.ts';

/** Whoever adds fields to requests may know better than we do what to say there. */
export function unnamed(fields: string[], names: ReadonlySet<string> | undefined): string[] {
  if (names === undefined) return fields;
  return fields.filter((_, at) => !names.has((fields[at - (at % 2)] as string).toLowerCase()));
}

export function withFields(fields: string[], more: Fields): Fields {
  if (more.length > 0) fields.push(...more);
  return fields;
}
