/** A request's story for people: what was asked, where it went and why, how it ended, and who made the last changes. */
import { z } from 'zod';
import type { RouteMatch } from '../../../eventlog/index.ts';
import { describeMatch } from '../../config/index.ts';
import { clean, renderTable } from './table.ts';

const candidate = z.looseObject({
  backend: z.string(),
  address: z.string().nullable(),
  open: z.boolean(),
  against: z.string().optional(),
  inFlight: z.number(),
  limit: z.number().nullable(),
  weight: z.number(),
  score: z.number().nullable(),
  until: z.string().nullable(),
});

export const sight = z.looseObject({
  policy: z.string(),
  measure: z.string().nullable(),
  candidates: z.array(candidate),
  draws: z.array(z.looseObject({ below: z.number(), drawn: z.number() })),
  waiting: z.number(),
});
export type Sight = z.output<typeof sight>;

const step = z.looseObject({
  type: z.string(),
  at: z.string().nullable(),
  ticket: z.number().nullable(),
  backend: z.string().nullable(),
  why: z.string(),
  end: z.string().nullable(),
  sight: sight.nullable(),
});

const change = z.looseObject({
  position: z.number(),
  at: z.string(),
  author: z.string(),
  stream: z.string(),
  type: z.string(),
  data: z.unknown(),
});
export type Change = z.output<typeof change>;

const considered = z.looseObject({ name: z.string(), verdict: z.string() });
export const route = z.looseObject({
  route: z.number(),
  considered: z.array(
    z.looseObject({
      route: z.number(),
      verdict: z.string(),
      why: z.string().optional(),
      header: z.string().optional(),
      match: z.unknown(),
    }),
  ),
});

export const changes = z.looseObject({
  last: change.nullable(),
  domain: change.nullable(),
  pool: change.nullable(),
  backend: change.nullable(),
});

export const story = z.looseObject({
  id: z.string(),
  requestId: z.string(),
  request: z.looseObject({
    method: z.string(),
    host: z.string(),
    path: z.string(),
    startedAt: z.string(),
    worker: z.number(),
  }),
  position: z.number(),
  domain: z.string().nullable(),
  domains: z.array(considered),
  route: route.nullable(),
  pool: z.string().nullable(),
  affinity: z.string().nullable(),
  steps: z.array(step),
  timings: z.looseObject({
    queuedMs: z.number().nullable(),
    connectMs: z.number().nullable(),
    firstByteMs: z.number().nullable(),
    totalMs: z.number(),
  }),
  outcome: z.looseObject({
    type: z.string(),
    code: z.string(),
    description: z.string(),
    phase: z.string(),
    blame: z.string(),
    status: z.number(),
    advice: z.string(),
  }),
  changes,
  notes: z.array(z.string()),
});
export type Story = z.output<typeof story>;

// The only reason to lease another backend after a response.
const RETRIED = ', with a status that is retried (retries.statuses)';

export function renderStory(found: Story): string[] {
  const { request, position } = found;
  return [
    `${request.method} ${request.host}${request.path}  ${found.outcome.status}  ${found.id}`,
    ...(found.requestId === found.id ? [] : [`known as ${found.requestId}`]),
    `at ${request.startedAt} by worker ${request.worker}, decided at log position ${position}`,
    '',
    `domain   ${found.domain ?? 'none'}${lost(found.domains)}`,
    ...routeLines(found.route),
    `pool     ${found.pool ?? 'none'}${found.affinity === null ? '' : `  (affinity: ${found.affinity.replaceAll('_', ' ')})`}`,
    ...found.steps.flatMap((each, index) => ['', ...stepLines(each, index + 1)]),
    '',
    `timings  ${timings(found.timings)}`,
    `outcome  ${ending(found.outcome)}`,
    `         ${found.outcome.advice}`,
    ...changeLines(found.changes),
    ...found.notes.map((note) => `note     ${note}`),
  ].map(clean);
}

export function lost(domains: Story['domains']): string {
  const absent = domains.filter(({ verdict }) => verdict === 'absent').map(({ name }) => name);
  const behind = domains.filter(({ verdict }) => verdict === 'not_reached').map(({ name }) => name);
  const said = [
    ...(absent.length === 0 ? [] : [`there is no ${absent.join(', ')}`]),
    ...(behind.length === 0 ? [] : [`before ${behind.join(', ')}`]),
  ];
  return said.length === 0 ? '' : `  (${said.join('; ')})`;
}

export function routeLines(found: z.output<typeof route> | null): string[] {
  if (found === null || found.considered.length === 0) return [];
  const lines = found.considered.map(({ route: index, verdict, why, header, match }) => {
    const reason = why === undefined ? '' : `: ${why}${header === undefined ? '' : ` ${header}`} differs`;
    return `route    ${index}  ${verdict.replace('_', ' ')}${reason}  ${clean(describeMatch(match as RouteMatch))}`;
  });
  return found.route === -1 ? [...lines, 'route    none matched: the domain’s own pool'] : lines;
}

function stepLines(
  { type, at, ticket, backend, why, end, sight: seen }: Story['steps'][number],
  number: number,
): string[] {
  const what = backend === null ? type : `${type} ${backend}`;
  const where = ticket === null ? '' : `  ticket ${ticket}`;
  return [
    `${number}. ${what}${at === null ? '' : `  ${at}`}${where}`,
    `   ${why}`,
    ...(end === null ? [] : [`   ended: ${end}${end === 'responded' ? RETRIED : ''}`]),
    ...(seen === null ? [] : sightLines(seen, backend).map((line) => `   ${line}`)),
  ];
}

export function sightLines(seen: Sight, picked: string | null): string[] {
  const rows = seen.candidates.map((each) => [
    each.backend === picked ? '*' : '',
    each.backend,
    each.address,
    each.inFlight,
    each.limit,
    short(each.weight),
    each.score === null ? null : short(each.score),
    each.open
      ? 'open'
      : (each.against ?? '').replace('_', ' ') + (each.until === null ? '' : `, out until ${each.until}`),
  ]);
  const draws = seen.draws.map(({ below, drawn }) => `${short(drawn)} of ${short(below)}`).join(', ');
  const facts = [
    `policy ${seen.policy}`,
    ...(seen.measure === null ? [] : [`score: ${seen.measure}`]),
    ...(draws === '' ? [] : [`drawn: ${draws}`]),
    ...(seen.waiting === 0 ? [] : [`${seen.waiting} waiting`]),
  ];
  const table = renderTable(
    ['', 'backend', 'address', 'in flight', 'limit', 'weight', 'score', 'state'],
    rows,
  );
  return [...(rows.length === 0 ? ['no backends'] : table), facts.join('; ')];
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}

function timings({ queuedMs, connectMs, firstByteMs, totalMs }: Story['timings']): string {
  const parts: [string, number | null][] = [
    ['queued', queuedMs],
    ['connect', connectMs],
    ['first byte', firstByteMs],
    ['total', totalMs],
  ];
  return parts.flatMap(([name, ms]) => (ms === null ? [] : [`${name} ${ms} ms`])).join(', ');
}

function ending({ type, code, description, phase, blame }: Story['outcome']): string {
  const known = code === '' ? '' : `${code} ${description}: `;
  return `${known}${type.replaceAll('_', ' ')}, in phase ${phase}${blame === 'nobody' ? '' : `, blamed on the ${blame}`}`;
}

export function changeLines({ last, domain, pool, backend }: Story['changes']): string[] {
  const all: [string, Change | null][] = [
    ['domain', domain],
    ['pool', pool],
    ['backend', backend],
  ];
  const known = all.flatMap(([what, each]) => (each === null ? [] : [[what, each] as const]));
  return known.map(([what, each]) => {
    const mark = each.position === last?.position ? '  <- the last change' : '';
    return `changed  ${what}: ${each.type} at position ${each.position}, ${each.at}, by ${each.author}${mark}`;
  });
}
