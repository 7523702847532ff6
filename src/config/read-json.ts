/**
 * Reads JSON as strictly as a configuration deserves: an error names line and column, and a key given twice is
 * refused, where `JSON.parse` would let the later one win in silence.
 */
import { quoted } from '../../eventlog/index.ts';
import { type Checked, type Problem, renderPath } from './problem.ts';
import { scanJson } from './scan-json.ts';

export function readJson(text: string): Checked<unknown> {
  const { fault, repeated } = scanJson(text);
  if (fault !== undefined) return { ok: false, problems: [faultAt(text, fault)] };
  if (repeated.length > 0) return { ok: false, problems: repeated.map((one) => repetition(text, one)) };
  return { ok: true, value: JSON.parse(text) };
}

function faultAt(text: string, offset: number): Problem {
  const rest = text.slice(offset, offset + 20).split('\n')[0]!;
  const found = offset >= text.length ? 'the end of the text' : quoted(rest);
  return { path: '', expected: 'JSON', found, ...placeOf(text, offset) };
}

function repetition(
  text: string,
  { path, offset }: ReturnType<typeof scanJson>['repeated'][number],
): Problem {
  const place = placeOf(text, offset);
  return { path: renderPath(path), expected: 'each key once', found: 'it a second time', ...place };
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}
