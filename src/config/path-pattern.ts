/**
 * Users' regular expressions: RE2 syntax in a linear-time engine (re2js), within limits. None reaches the built-in
 * engine, where a pattern can run forever. The worst patterns of a domain take about 100 ms for the longest path.
 */
import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';
import type { CompilePattern, Pattern } from '../../actors/index.ts';
import { quoted, type SparseDomain } from '../../eventlog/index.ts';
import { type Path, type Problem, renderPath, splitMessage } from './problem.ts';
import { writtenPlace } from './written-place.ts';

// Instructions of one compiled pattern, and of all patterns of one domain. The cost of a request is at most their
// product with …
const MAX_SIZE = 250;
const MAX_SIZE_OF_ALL = 1000;
// … the number of characters examined. A longer path matches no pattern.
const MAX_PATH = 2048;
// When the refused patterns of a domain together reach this size, the others are not examined: one may have 70 000
// instructions, which takes 70 ms.
const MOST_REFUSED = 10_000;

// Loaded with the first expression, which most routers never have: it takes a megabyte in every thread. Synchronously,
// since a request may need it.
const engine = (): typeof import('re2js') => createRequire(import.meta.url)('re2js');

type Compiled =
  | { readonly ok: true; readonly size: number; readonly pattern: Pattern }
  | { readonly ok: false; readonly size: number; readonly problem: string };

/** A pattern is checked when it is set, and compiled again by each worker. */
function parsePattern(text: string): Compiled {
  let compiled: RE2JS;
  try {
    compiled = engine().RE2JS.compile(text);
  } catch (error) {
    return {
      ok: false,
      size: 0,
      problem: `expected a regular expression (RE2 syntax), found ${faultOf(text, error)}`,
    };
  }
  const size = compiled.programSize();
  if (size > MAX_SIZE)
    return {
      ok: false,
      size,
      problem: `expected a regular expression of at most ${MAX_SIZE} instructions, found one of ${size}`,
    };
  return { ok: true, size, pattern: new BoundedPattern(compiled) };
}

export const compilePattern: CompilePattern = (text) => {
  const parsed = parsePattern(text);
  return parsed.ok ? parsed.pattern : undefined;
};

/** The problems with the patterns of one domain. */
export function patternProblems(routes: SparseDomain['routes'], raw: unknown, domain: Path): Problem[] {
  const at = [...domain, 'routes'];
  const problems: Problem[] = [];
  let size = 0;
  let refused = 0;
  for (const { match } of routes ?? []) {
    if (match.pathRegex === undefined) continue;
    const parsed = parsePattern(match.pathRegex);
    if (parsed.ok) {
      size += parsed.size;
      continue;
    }
    problems.push({
      path: renderPath(writtenPlace(raw, at, 'pathRegex', match.pathRegex)),
      ...splitMessage(parsed.problem, quoted(match.pathRegex)),
    });
    refused += parsed.size;
    if (refused > MOST_REFUSED) break;
  }
  if (size > MAX_SIZE_OF_ALL)
    problems.push({
      path: renderPath(at),
      expected: `regular expressions of at most ${MAX_SIZE_OF_ALL} instructions together`,
      found: `${size}`,
    });
  return problems;
}

class BoundedPattern implements Pattern {
  readonly #compiled: RE2JS;

  constructor(compiled: RE2JS) {
    this.#compiled = compiled;
  }

  test(path: string): boolean {
    // Not `test`, which grows a DFA, up to 8 MiB for each pattern: with paths made for that, the worst patterns of a
    // domain take 0.5 to 2 s each time.
    return path.length <= MAX_PATH && this.#compiled.matcher(path).find();
  }
}

function faultOf(text: string, error: unknown): string {
  if (!(error instanceof engine().RE2JSSyntaxException)) return quoted(text);
  const fragment = error.getPattern() ?? '';
  const at = fragment === '' ? -1 : text.indexOf(fragment);
  const place = at === -1 ? '' : ` at character ${at + 1}`;
  return `${error.getDescription()} ${quoted(fragment)}${place} of ${quoted(text)}`;
}
