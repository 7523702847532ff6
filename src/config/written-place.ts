/** Where a word is in the original text: routes are stored in another order than they are written in. */
import type { Path } from './problem.ts';

/** The place below `at` whose last key is `key` and whose value is `text`; `at` itself if there is none. */
export function writtenPlace(raw: unknown, at: Path, key: string, text: string): Path {
  let here = raw;
  for (const step of at) here = inside(here, step);
  return found(here, key, text, at) ?? at;
}

function found(here: unknown, key: string, text: string, at: Path): Path | undefined {
  if (here === text && at.at(-1) === key) return at;
  if (typeof here !== 'object' || here === null) return undefined;
  const isList = Array.isArray(here);
  for (const [step, inner] of Object.entries(here)) {
    const place = found(inner, key, text, [...at, isList ? Number(step) : step]);
    if (place !== undefined) return place;
  }
  return undefined;
}

function inside(here: unknown, step: string | number): unknown {
  if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined;
  return (here as Record<string | number, unknown>)[step];
}
