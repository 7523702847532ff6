/** The error pages that a domain can define: one for each outcome that shows a page, and one for all others. */
import { BLAME } from '../../actors/index.ts';
import type { SparseDomain } from '../../eventlog/index.ts';
import { nearest } from './nearest.ts';
import { MOST_SHOWN, type Path, type Problem, renderPath } from './problem.ts';

// These outcomes have a backend's response, a response of the router that is not an error, nobody left to read it, or
// no domain.
const WITHOUT_PAGE: ReadonlySet<string> = new Set([
  'responded',
  'upgraded',
  'answered',
  'redirected',
  'client_closed',
  'client_idle',
  'domain_unknown',
]);

export const ERROR_PAGE_KINDS: readonly string[] = [
  'error',
  ...Object.keys(BLAME).filter((outcome) => !WITHOUT_PAGE.has(outcome)),
];

// 64 KiB as sent: the schema counts characters, each of which may take three bytes.
const PAGE_BYTES = 65_536;

/** Only new settings are checked like this: pages in an older log are read whatever their kind and size. */
export function errorPageProblems(errorPages: SparseDomain['errorPages'], at: Path): Problem[] {
  return Object.entries(errorPages ?? {}).flatMap(([kind, html], index) => {
    const path = [...at, 'errorPages', kind];
    // The nearest kind is looked up only for problems that will be shown.
    if (!ERROR_PAGE_KINDS.includes(kind))
      return [unknownKind(path, index < MOST_SHOWN ? nearest(kind, ERROR_PAGE_KINDS) : undefined)];
    const bytes = Buffer.byteLength(html ?? '');
    if (bytes <= PAGE_BYTES) return [];
    return [{ path: renderPath(path), expected: `at most ${PAGE_BYTES} bytes of HTML`, found: `${bytes}` }];
  });
}

function unknownKind(path: Path, meant: string | undefined): Problem {
  return {
    path: renderPath(path),
    expected: 'the word of an outcome that has a page, or error for all others',
    found: 'an unknown key',
    ...(meant === undefined ? {} : { nearest: meant }),
  };
}
