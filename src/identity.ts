/** How this router knows itself in a `Via` field: random per data directory, so that two in a row are no loop. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'pseudonym';
const SHAPE = /^switchyard-[0-9a-f]{12}$/;

export function pseudonymOf(directory: string): string {
  const path = join(directory, FILE);
  try {
    const known = readFileSync(path, 'utf8').trim();
    if (SHAPE.test(known)) return known;
  } catch {
    // The first start in this directory, or one that cannot be read: then the log says so in a moment.
  }
  const made = `switchyard-${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(path, `${made}\n`, { mode: 0o600 });
  } catch {
    // A router without a lasting name still routes.
  }
  return made;
}
