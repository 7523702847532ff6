/** Reads YAML 1.2: an error names line and column, a key given twice is refused, and aliases are bounded. */
import { createRequire } from 'node:module';
import type { Alias, Document, Scalar, YAMLError, YAMLMap, YAMLSeq } from 'yaml';
import { quoted } from '../../eventlog/index.ts';
import { excerpt, mayBeToken, UNSHOWN } from './excerpt.ts';
import type { Checked, Problem } from './problem.ts';

// The most uses of an anchor, multiplied by the aliases within it: ten thousand domains can share one anchor, a
// "billion laughs" file cannot.
const ALIASES = 100_000;
// The values that a file of 64 MiB can spell out; aliases may stand for more, and checking looks at each.
const VALUES = 5_000_000;

// Loaded when the first file turns out to be YAML: every thread loads this module, and no worker ever reads YAML.
const yaml = (): typeof import('yaml') => createRequire(import.meta.url)('yaml');

type Lines = InstanceType<typeof import('yaml').LineCounter>;
type Anchored = Scalar | YAMLMap | YAMLSeq;
type Words = { readonly expected: string; readonly found: string };

const TOO_DEEP: Words = { expected: 'YAML within bounds', found: 'deeper nesting than can be read' };
const TOO_MANY: Words = {
  expected: `aliases that stand for at most ${VALUES} values`,
  found: 'some that stand for more',
};

export function readYaml(text: string): Checked<unknown> {
  try {
    return read(text);
  } catch (error) {
    return refused({ path: '', ...wordsOfThrown(error) });
  }
}

function read(text: string): Checked<unknown> {
  const { LineCounter, parseDocument } = yaml();
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    // The library would compare each key with all before it: a minute for 30 000 domains.
    uniqueKeys: false,
    stringKeys: true,
    merge: true,
  });
  // Warnings are about things that the library did not understand and left out, such as a tag.
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0)
    return refused(...firstOfEachLine(faults.map((fault) => problemOf(text, fault, lineCounter))));
  if (document.contents === null) return refused({ path: '', expected: 'YAML', found: 'an empty text' });
  const repeated = repeatedKeys(document, lineCounter);
  if (repeated.length > 0) return refused(...repeated);
  const dangling = tieAliases(text, document, lineCounter);
  if (dangling !== undefined) return refused(dangling);
  const value: unknown = document.toJS({ maxAliasCount: ALIASES });
  return isWithin(VALUES, value) ? { ok: true, value } : refused({ path: '', ...TOO_MANY });
}

function refused(...problems: readonly Problem[]): Checked<never> {
  return { ok: false, problems };
}

/** Further problems in a line mostly follow from its first. */
function firstOfEachLine(problems: readonly Problem[]): Problem[] {
  return [...Map.groupBy(problems, ({ line }) => line).values()].map(([first]) => first!);
}

function problemOf(text: string, error: YAMLError, lines: Lines): Problem {
  return { path: '', ...wordsOf(text, error), ...placeOf(error.pos[0], lines) };
}

function placeOf(offset: number, lines: Lines): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/** Our own words for common mistakes, otherwise the library's. */
function wordsOf(text: string, { code, message, pos: [start] }: YAMLError): Words {
  const end = start + 80;
  const lineStart = text.lastIndexOf('\n', Math.max(0, start - 1)) + 1;
  // `*.example.com:` begins an alias in YAML, the most common mistake in a file with many wildcards.
  if (/^\s*\*/.test(text.slice(lineStart, end)))
    return {
      expected: 'YAML, in which a name that begins with * stands in quotes',
      found: excerpt(text, lineStart, end),
    };
  if (code === 'MULTIPLE_DOCS') return { expected: 'one YAML document', found: 'a second one' };
  if (code === 'TAB_AS_INDENT') return { expected: 'spaces before a key', found: 'a tab' };
  if (code === 'NON_STRING_KEY') return { expected: 'a name as a key', found: excerpt(text, start, end) };
  if (code === 'TAG_RESOLVE_FAILED')
    return { expected: 'YAML without tags of its own', found: excerpt(text, start, end) };
  if (message.includes('call stack')) return TOO_DEEP;
  // The part after the colon comes from the file.
  const told = mayBeToken(text, start, end) ? message.split(': ', 1)[0]! : message;
  return { expected: 'YAML', found: `a mistake: ${lowerFirst(told)}` };
}

/** The library throws if aliases multiply, or if nesting exhausts the stack. */
function wordsOfThrown(error: unknown): Words {
  if (error instanceof RangeError) return TOO_DEEP;
  const { message } = error as Error;
  if (message.startsWith('Excessive alias count')) return TOO_MANY;
  if (message.startsWith('Merge sources'))
    return { expected: 'a mapping after <<, or an alias of one', found: 'something else' };
  return { expected: 'YAML', found: `a mistake: ${lowerFirst(message)}` };
}

/** Keys that already occurred in their mapping, in the order of the text. */
function repeatedKeys(document: Document, lines: Lines): Problem[] {
  const { isScalar, visit } = yaml();
  const repeated: { readonly name: string; readonly offset: number }[] = [];
  visit(document, {
    Map: (_key, { items }) => {
      const known = new Set<string>();
      for (const { key } of items) {
        // Always true if there was no fault.
        if (!isScalar<string>(key)) continue;
        const name = key.value;
        if (known.has(name)) repeated.push({ name, offset: key.range?.[0] ?? 0 });
        known.add(name);
      }
    },
  });
  return repeated
    .sort((one, other) => one.offset - other.offset)
    .map(({ name, offset }) => ({
      path: '',
      expected: 'each key once',
      found: `${quoted(name)} a second time`,
      ...placeOf(offset, lines),
    }));
}

/** Ties each alias to the last anchor of its name above it. Returns the problem of the first alias without one. */
function tieAliases(text: string, document: Document, lines: Lines): Problem | undefined {
  const { visit } = yaml();
  const anchors = new Map<string, Anchored>();
  let problem: Problem | undefined;
  visit(document, {
    Value: (_key, node) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
    Alias: (_key, alias) => {
      const anchor = anchors.get(alias.source);
      if (anchor !== undefined) return tie(alias, anchor);
      problem = danglingAlias(text, alias, lines);
      return visit.BREAK;
    },
  });
  return problem;
}

/** The library searches all anchors for each alias unless it is told which one is meant. */
function tie(alias: Alias, anchor: Anchored): undefined {
  const { resolve } = alias;
  alias.resolve = (document, context) => {
    if (context === undefined) return anchor;
    context.aliasResolveCache = [anchor, alias];
    return resolve.call(alias, document, context);
  };
}

function danglingAlias(text: string, { source, range }: Alias, lines: Lines): Problem {
  const [start = 0, end = start] = range ?? [];
  const isToken = mayBeToken(text, start, end);
  const anchor = isToken ? 'an anchor' : `an anchor &${source}`;
  const expected = `${anchor} above it, or quotes around a name that begins with *`;
  const found = isToken ? UNSHOWN : `*${source}`;
  return { path: '', expected, found, ...placeOf(start, lines) };
}

/** Counts as if nothing were shared; a value that contains itself never passes. */
function isWithin(most: number, value: unknown): boolean {
  const open = [value];
  for (let seen = 0; open.length > 0; seen += 1) {
    if (seen + open.length > most) return false;
    const next = open.pop();
    if (typeof next === 'object' && next !== null) for (const inner of Object.values(next)) open.push(inner);
  }
  return true;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
