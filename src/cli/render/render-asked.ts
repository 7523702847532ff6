/** Where a request would go, as people read it. */
import { z } from 'zod';
import { changeLines, changes, lost, route, routeLines, sight, sightLines } from './render-story.ts';
import { clean } from './table.ts';

export const askedStory = z.looseObject({
  request: z.looseObject({ method: z.string(), host: z.string(), path: z.string() }),
  position: z.number(),
  asOf: z.string(),
  domain: z.string().nullable(),
  domains: z.array(z.looseObject({ name: z.string(), verdict: z.string() })),
  route: route.nullable(),
  pool: z.string().nullable(),
  sight: sight.nullable(),
  backend: z.string().nullable(),
  why: z.string(),
  whyNot: z.string().nullable(),
  changes: changes.omit({ backend: true }),
  notes: z.array(z.string()),
});

export function renderAsked(found: z.output<typeof askedStory>): string[] {
  const { request, position, asOf } = found;
  return [
    `${request.method} ${request.host}${request.path}  at position ${position} of the log, ${asOf}`,
    '',
    `domain   ${found.domain ?? 'none'}${lost(found.domains)}`,
    ...routeLines(found.route),
    `pool     ${found.pool ?? 'none'}`,
    ...(found.sight === null ? [] : sightLines(found.sight, found.backend).map((line) => `         ${line}`)),
    `goes to  ${found.backend ?? 'no backend'}: ${found.why}`,
    ...(found.whyNot === null ? [] : [`why not  ${found.whyNot}`]),
    ...changeLines({ ...found.changes, backend: null }),
    ...found.notes.map((note) => `note     ${note}`),
  ].map(clean);
}
