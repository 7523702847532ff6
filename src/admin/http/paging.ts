/** Long lists page by page: `?after=NAME&limit=N`, answered with the start of the next page. */
import { ownerNameOf } from '../../../eventlog/index.ts';
import type { History } from '../ports.ts';
import type { Call } from './call.ts';
import { Refused } from './problem.ts';
import { count } from './query.ts';

export const PAGE_KEYS = ['after', 'limit'] as const;

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
// 253: the longest name of anything listed.
const NAME_LENGTH = 253;
// 1 MiB: a domain with its own error pages, or a pool of thousands, may be as large and then ends the page.
const PAGE_CHARACTERS = 1_048_576;

export type Page = { readonly after: string | undefined; readonly limit: number };

export function page(call: Call): Page {
  const after = call.query.get('after');
  if (after !== undefined && after.length > NAME_LENGTH) {
    throw new Refused(
      'invalid_query',
      `after: expected a name of at most ${NAME_LENGTH} characters, found ${after.length}`,
    );
  }
  return {
    after: after === '' ? undefined : after,
    limit: count(call, 'limit', { min: 1, max: MAX_LIMIT }) ?? DEFAULT_LIMIT,
  };
}

/** Lists what is in force; fewer items than asked for if their text reaches the limit first. */
export async function currentPage(call: Call, log: History, kind: 'domain' | 'pool') {
  const { after, limit } = page(call);
  const from = after === undefined ? {} : { after: `${kind}-${after}` };
  const rows = await log.currents({ kind, limit, characters: PAGE_CHARACTERS, ...from });
  const last = rows.at(-1);
  const more = last === undefined ? [] : await log.currents({ kind, limit: 1, after: last.stream });
  return { rows, next: last !== undefined && more.length > 0 ? ownerNameOf(last.stream) : null };
}

/** Takes items read one beyond the limit: the extra one shows whether there is more. */
export function wholePage<Item extends { readonly name: string }>(items: readonly Item[], limit: number) {
  const shown = items.slice(0, limit);
  return { items: shown, next: items.length > limit ? (shown.at(-1)?.name ?? null) : null };
}
