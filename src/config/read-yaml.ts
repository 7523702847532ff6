/** Reads YAML 1.2: an error names line and column, a key given twice is refused, and aliases are bounded. */
import { createRequire } from 'node:module';
import type { YAMLError } from 'yaml';
import type { Checked, Problem } from './problem.ts';

// 100, the library's own default: shared settings are anchored a few times; "billion laughs" needs a billion.
const ALIASES = 100;

// When a file is YAML and not before: every thread reads this file, and no worker ever reads YAML.
const yaml = (): typeof import('yaml') => createRequire(import.meta.url)('yaml');

type Lines = InstanceType<typeof import('yaml').LineCounter>;

const DEEP = 'deeper nesting than can be read';

export function readYaml(text: string): Checked<unknown> {
  try {
    return read(text);
  } catch (error) {
    // The library throws where aliases multiply or nesting exhausts the stack.
    const message =
      error instanceof RangeError ? 'deeper nesting than can be read' : (error as Error).message;
    return {
      ok: false,
      problems: [{ path: '', expected: 'YAML within bounds', found: lowerFirst(message) }],
    };
  }
}

function read(text: string): Checked<unknown> {
  const { LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    merge: true,
  });
  if (document.errors.length > 0) {
    return {
      ok: false,
      problems: firstOfEachLine(document.errors.map((error) => problemOf(text, error, lines))),
    };
  }
  return { ok: true, value: document.toJS({ maxAliasCount: ALIASES }) };
}

/** What follows the first fault of a line is mostly its echo. */
function firstOfEachLine(problems: readonly Problem[]): Problem[] {
  return problems.filter((problem, at) => problems.findIndex((other) => other.line === problem.line) === at);
}

function problemOf(text: string, error: YAMLError, lines: Lines): Problem {
  const { line, col } = lines.linePos(error.pos[0]);
  const [start] = error.pos;
  const ownLine = text.slice(text.lastIndexOf('\n', Math.max(0, start - 1)) + 1, start + 1);
  // `*.example.com:` begins an alias in YAML; it is the commonest slip in a file full of wildcards.
  const wildcard = ownLine.trimStart().startsWith('*');
  return {
    path: '',
    expected: wildcard ? 'YAML, in which a name that begins with * stands in quotes' : 'YAML',
    found: tooDeep(error.message) ? DEEP : lowerFirst(error.message),
    line,
    column: col,
  };
}

function tooDeep(message: string): boolean {
  return message.includes('call stack');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
