/** Which settings that a process keeps for its lifetime have changed in the file since it started. */
import { isDeepStrictEqual } from 'node:util';
import { type Path, renderPath } from './problem.ts';
import { type ProcessSettings, processShape } from './process.ts';

/** Paths only, not values, because one of them is the admin token. */
export function keptSettings(running: ProcessSettings, wished: ProcessSettings): string[] {
  const keys = Object.keys(processShape) as (keyof ProcessSettings)[];
  return keys.flatMap((key) => differing(running[key], wished[key], [key])).map(renderPath);
}

function differing(one: unknown, other: unknown, path: Path): Path[] {
  if (isDeepStrictEqual(one, other)) return [];
  if (!isTree(one) || !isTree(other) || Array.isArray(one)) return listDiffering(one, other, path);
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].flatMap((key) => differing(one[key], other[key], [...path, key]));
}

/** Item by item if the lists have the same length. */
function listDiffering(one: unknown, other: unknown, path: Path): Path[] {
  if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return [path];
  return one.flatMap((inner, place) => differing(inner, other[place], [...path, place]));
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
