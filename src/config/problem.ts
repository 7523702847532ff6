/** A mistake in somebody's input: where it is, what was expected there, and what was found. */
import { quoted } from '../../eventlog/index.ts';

export type Problem = {
  /** `pools.web.backends["web.1"].address`; empty for the whole text. */
  readonly path: string;
  readonly expected: string;
  readonly found: string;
  /** The known word that was most likely meant. */
  readonly nearest?: string;
  /** Both from 1; present if the text itself could not be parsed. */
  readonly line?: number;
  readonly column?: number;
};

// 100: enough to see the pattern in a wrong file, bounded for a file that is wrong throughout.
export const MOST_SHOWN = 100;

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      /** Everything else is right: only pools are missing that domains name. */
      readonly isPoolUnknown?: true;
    };

/** `file.yaml:3:7: pools.web.polcy: expected …, found …; did you mean "policy"?` */
export function renderProblem(problem: Problem, where = ''): string {
  const place =
    problem.line === undefined
      ? where
      : `${where || 'line '}${where && ':'}${problem.line}:${problem.column}`;
  const head = [place, problem.path].filter((part) => part !== '').join(': ');
  const hint = problem.nearest === undefined ? '' : `; did you mean ${quoted(problem.nearest)}?`;
  const sentence = `expected ${problem.expected}, found ${problem.found}${hint}`;
  return head === '' ? sentence : `${head}: ${sentence}`;
}

// 20: people read the first few, and a wrong file may have thousands.
const SHOWN = 20;

export function renderProblems(problems: readonly Problem[], where = ''): string[] {
  const lines = problems.slice(0, SHOWN).map((problem) => renderProblem(problem, where));
  if (problems.length > SHOWN) lines.push(`… and ${problems.length - SHOWN} more`);
  return lines;
}

export type Path = readonly (string | number)[];

// As long as a quoted word may be.
const WORD = /^[A-Za-z_][A-Za-z0-9_-]{0,79}$/;

/** Dots between words, brackets around anything else, so that a path can be parsed back unambiguously. */
export function renderPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!WORD.test(step)) text += `[${quoted(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** Splits a message of our own parsers, `expected X, found Y`. */
export function splitMessage(message: string, found: string): { expected: string; found: string } {
  const text = message.startsWith('expected ') ? message.slice('expected '.length) : message;
  const cut = text.lastIndexOf(', found ');
  return cut === -1
    ? { expected: text, found }
    : { expected: text.slice(0, cut), found: text.slice(cut + 8) };
}

export function describeFound(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return describeObject(value);
  if (typeof value === 'function') return 'a function';
  return String(value);
}

/** Named by its class if that belongs to the language or the platform, such as Map. */
function describeObject(value: object): string {
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return kind === 'Object' ? 'an object' : `an object (${kind})`;
}
