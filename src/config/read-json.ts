/**
 * Reads JSON as strictly as a configuration deserves: an error names line and column, and a key given twice is
 * refused, where `JSON.parse` would let the later one win in silence.
 */
import { quoted } from '../../eventlog/index.ts';
import { type Checked, type Problem, renderPath } from './problem.ts';

export function readJson(text: string): Checked<unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, problems: [syntaxProblem(text, error as SyntaxError)] };
  }
  const problems = repeatedKeys(text);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value };
}

function syntaxProblem(text: string, error: SyntaxError): Problem {
  // V8 says "… in JSON at position 15 (line 2 column 8)", or names no position where the text just ends.
  const position = /at position (\d+)/.exec(error.message)?.[1];
  const offset = position === undefined ? text.length : Number(position);
  const found =
    offset >= text.length ? 'the end of the text' : quoted(text.slice(offset, offset + 20).split('\n')[0]!);
  return { path: '', expected: 'JSON', found, ...placeOf(text, offset) };
}

export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}

type Level = { readonly keys: Set<string> | null; key: string; index: number };

/** Walks a text that is known to be JSON: only strings, brackets and commas matter. */
function repeatedKeys(text: string): Problem[] {
  const problems: Problem[] = [];
  const levels: Level[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],]/g;
  // The next string is a key: after { and after a comma of an object.
  let keyIsNext = false;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found] = match;
    const level = levels.at(-1);
    if (found === '{' || found === '[') {
      levels.push({ keys: found === '{' ? new Set() : null, key: '', index: 0 });
      keyIsNext = found === '{';
    } else if (found === '}' || found === ']') {
      levels.pop();
      keyIsNext = false;
    } else if (found === ',') {
      if (level !== undefined) level.index += 1;
      keyIsNext = level?.keys !== null;
    } else if (keyIsNext && level?.keys != null) {
      keyIsNext = false;
      level.key = JSON.parse(found);
      if (level.keys.has(level.key)) {
        const path = renderPath(levels.map((one) => (one.keys === null ? one.index : one.key)));
        problems.push({
          path,
          expected: 'each key once',
          found: 'it a second time',
          ...placeOf(text, match.index),
        });
      }
      level.keys.add(level.key);
    }
  }
  return problems;
}
