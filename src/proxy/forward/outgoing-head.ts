/**
 * The head of a request as the backend gets it: the client's fields, those of the hop, and those set by the domain.
 */
import { fieldKey, forwardFields, forwardLines, writeFields, writeRequestHead } from '../../wire/index.ts';
import type { ProxiedRequest } from '../proxied-request.ts';
import type { DomainRoute } from '../routing-table.ts';

/** `lines`: from `hopLines`; the same each time the request is sent. */
export function outgoingHead(request: ProxiedRequest, lines: string): string {
  const { head, client, backend } = request;
  const { features } = request.domain as DomainRoute;
  const writing = {
    keepAlive: backend?.connection !== 'single',
    expectContinue: features.continue === 'end-to-end',
    trustsPeer: client.hop.isTrusted,
    replaced: features.requestNames,
  };
  return writeRequestHead(head, features.requestFields, writing, lines);
}

/** The router's forwarding fields, except those that the domain sets itself. */
export function hopLines({ head, requestId, startedAtMs, client, domain }: ProxiedRequest): string {
  const replaced = domain?.features.requestNames;
  const atMs = Math.trunc(startedAtMs);
  if (replaced === undefined) return forwardLines(head, client.hop, requestId, atMs);
  return writeFields(unnamed(forwardFields(head, client.hop, requestId, atMs), replaced));
}

function unnamed(fields: readonly string[], names: ReadonlySet<string>): readonly string[] {
  return fields.filter((_, at) => !names.has(fieldKey(fields[at - (at % 2)] as string)));
}
