/** What is random per data directory and lasts as long: the router's name in `Via`, and its secret. */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../eventlog/index.ts';

type Kept = { readonly file: string; readonly shape: RegExp; readonly make: () => string };

// Random, so that two routers in a row do not look like a loop.
const PSEUDONYM: Kept = {
  file: 'pseudonym',
  shape: /^switchyard-[0-9a-f]{12}$/,
  make: () => `switchyard-${randomBytes(6).toString('hex')}`,
};
const SECRET: Kept = {
  file: 'secret',
  shape: /^[0-9a-f]{64}$/,
  make: () => randomBytes(32).toString('hex'),
};

export function pseudonymOf(directory: string): string {
  return keptIn(directory, PSEUDONYM);
}

/** Signs digests and affinity cookies: nobody without the directory can make or check one. */
export function secretOf(directory: string): string {
  return keptIn(directory, SECRET);
}

/** The same for all paths that lead to one directory; undefined if it does not exist. */
export function fileNumberOf(directory: string): string | undefined {
  const found = statSync(directory, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}

function keptIn(directory: string, { file, shape, make }: Kept): string {
  const path = join(directory, file);
  try {
    const known = readFileSync(path, 'utf8').trim();
    if (shape.test(known)) return known;
  } catch {
    // This is the first start in this directory, or the file cannot be read; then the log reports that in a moment.
  }
  const made = make();
  try {
    makeDirectory(directory);
    writeFileSync(path, `${made}\n`, { mode: 0o600 });
  } catch {
    // A router without a lasting name and secret still routes.
  }
  return made;
}
