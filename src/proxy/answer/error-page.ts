/**
 * The page for a request that ended without a backend's response: the domain's own, or ours: a small HTML document,
 * or JSON for a client that prefers it.
 */
import type { Outcome, OutcomeType } from '../../../actors/index.ts';
import type { Fields, RequestHead } from '../../wire/index.ts';
import type { DomainRoute } from '../routing-table.ts';
import { type OutcomeRow, rowOf } from './outcome-table.ts';
import { type Answer, routerAnswer } from './reply.ts';
import { STATUS_TITLES } from './status-titles.ts';

type EndedRequest = {
  readonly requestId: string;
  readonly head: RequestHead;
  readonly domain: DomainRoute | undefined;
  readonly outcome: Outcome | undefined;
  /** How the end is reported if not as the outcome table says. */
  readonly row: OutcomeRow | undefined;
};

const HTML = 'text/html; charset=utf-8';

export function errorPage({ outcome, row: ownRow, domain, head, requestId }: EndedRequest): Answer {
  const { type } = outcome as Outcome;
  const row = ownRow ?? rowOf(type);
  const custom = domain?.features.errorPages[type] ?? domain?.features.errorPages['error'];
  if (custom !== undefined) return routerAnswer(row.status, HTML, custom);
  const { contentType, body } = pageOf(type, row, requestId, acceptOf(head.fields));
  return routerAnswer(row.status, contentType, body);
}

type Page = { readonly contentType: string; readonly body: string };

function pageOf(type: OutcomeType, row: OutcomeRow, requestId: string, accept: string): Page {
  const title = STATUS_TITLES[row.status] ?? 'Error';
  if (prefersJson(accept)) {
    const problem = {
      type: 'about:blank',
      title,
      status: row.status,
      code: row.code || undefined,
      detail: row.says,
    };
    const body = `${JSON.stringify({ ...problem, outcome: type, request_id: requestId })}\n`;
    return { contentType: 'application/problem+json', body };
  }
  return {
    contentType: HTML,
    body: html(row.status, title, row.says, row.code, requestId),
  };
}

// Nothing in the page comes from the request, so nothing needs escaping; no script, no style.
function html(status: number, title: string, says: string, code: string, requestId: string): string {
  const mark = code === '' ? requestId : `${code} ${requestId}`;
  return (
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${status} ${title}</title></head>` +
    `<body><h1>${title}</h1><p>${says}</p><p><small>${mark}</small></p></body></html>\n`
  );
}

function acceptOf(fields: Fields): string {
  let accept = '';
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() === 'accept') accept += accept === '' ? fields[i + 1] : `,${fields[i + 1]}`;
  }
  return accept;
}

// RFC 9110 §12.5.1 for two representations: JSON only if it is named with a higher weight than HTML.
function prefersJson(accept: string): boolean {
  if (!accept.includes('json')) return false;
  let json = 0;
  let html = 0;
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const weight = weightOf(parameters);
    if (type === 'application/json' || type === 'application/problem+json') json = Math.max(json, weight);
    if (type === 'text/html' || type === 'text/*') html = Math.max(html, weight);
  }
  return json > html;
}

function weightOf(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith('q='));
  const weight = given === undefined ? 1 : Number(given.slice(2));
  return Number.isFinite(weight) ? weight : 0;
}
