/**
 * Which of a domain's routes is tried first, whatever the order they were written in: the Gateway API's order, with
 * regular expressions before prefixes. No two routes of a domain have the same match, so no two are equal here.
 */

type Match = {
  readonly pathRegex?: string | undefined;
  readonly pathPrefix?: string | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

type Matching = { readonly match: Match };

/**
 * 1. one with a regular expression, the longer expression first
 * 2. the longer path prefix; one with a prefix before one without
 * 3. one that names methods, the fewer first
 * 4. the more headers
 * 5. by the text of the match
 */
export function byPrecedence(a: Matching, b: Matching): number {
  return (
    lengthOf(b.match.pathRegex) - lengthOf(a.match.pathRegex) ||
    lengthOf(b.match.pathPrefix) - lengthOf(a.match.pathPrefix) ||
    methodsOf(a.match) - methodsOf(b.match) ||
    headersOf(b.match) - headersOf(a.match) ||
    byText(JSON.stringify(a.match), JSON.stringify(b.match))
  );
}

function lengthOf(text: string | undefined): number {
  return text === undefined ? -1 : text.length;
}

function methodsOf({ methods }: Match): number {
  return methods === undefined ? Number.MAX_SAFE_INTEGER : methods.length;
}

function headersOf({ headers }: Match): number {
  return headers === undefined ? 0 : Object.keys(headers).length;
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
