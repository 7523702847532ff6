/** The router's own answer to a request that ended without a backend's: as the domain wishes it, or as we do. */
import type { Outcome } from '../../../actors/index.ts';
import type { Fields, RequestHead } from '../../wire/index.ts';
import type { Answer } from '../delegate.ts';
import type { DomainRoute } from '../routing-table.ts';
import { errorPage } from './error-page.ts';
import { type OutcomeRow, rowOf } from './outcome-table.ts';

type EndedRequest = {
  readonly requestId: string;
  readonly head: RequestHead;
  readonly domain: DomainRoute | undefined;
  readonly outcome: Outcome | undefined;
  /** How its end shows, where that is not as the table says. */
  readonly row: OutcomeRow | undefined;
};

export function ownPage({ outcome, row: ownRow, domain, head, requestId }: EndedRequest): Answer {
  const { type } = outcome as Outcome;
  const row = ownRow ?? rowOf(type);
  const custom = domain?.features.errorPages[type] ?? domain?.features.errorPages['error'];
  if (custom !== undefined) return plainPage(row.status, 'text/html; charset=utf-8', custom);
  const { contentType, body } = errorPage(type, row, requestId, acceptOf(head.fields));
  return plainPage(row.status, contentType, body);
}

// A page of ours says what was so at that moment.
export function plainPage(status: number, contentType: string, body: string): Answer {
  return { status, fields: ['Content-Type', contentType, 'Cache-Control', 'no-store'], body };
}

function acceptOf(fields: Fields): string {
  let accept = '';
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() === 'accept') accept += accept === '' ? fields[i + 1] : `,${fields[i + 1]}`;
  }
  return accept;
}
