/** A data directory of a test's own, gone when the test is over. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-log-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
