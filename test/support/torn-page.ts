/** An event of more text than fits in a page of the log's file, and a file in which the rest of that text is not to be found. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SwitchyardEvent } from '../../eventlog/index.ts';

const PAGE_BYTES = 4096;
const TEXT = 'x'.repeat(3 * PAGE_BYTES);

/** The first of a log that has one. */
export function longEvent(pool: string): SwitchyardEvent {
  const settings = { pool: pool as never, errorPages: { error: TEXT } };
  return { type: 'DomainCreated', data: { settings } };
}

/** The log at rest. */
export function tearPage(directory: string): void {
  const path = join(directory, 'events.db');
  const file = readFileSync(path);
  // Such a page begins with the number of the next: https://www.sqlite.org/fileformat2.html#ovflpgs. The event's come first.
  let page = 0;
  while (!TEXT.startsWith(file.toString('latin1', page + 4, page + PAGE_BYTES))) page += PAGE_BYTES;
  file.writeUInt32BE(0x7fffffff, page);
  writeFileSync(path, file);
}
