/** The committed page says what the code does: its tables of §3 and §4 are made again, from the same seed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { courseTable, faultyTable } from '../../../bench/simulate/report/faulty-tables.ts';
import { slowBackendTable } from '../../../bench/simulate/report/slow-backend-table.ts';
import { simulate } from '../../../bench/simulate/simulation.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/routing-quality.md'), 'utf8');

describe('docs/routing-quality.md, or `npm run simulate` has to be run', () => {
  it('has the table of one slow backend', async () => {
    expect(page).toContain((await slowBackendTable(simulate)).table);
  });

  it('has the tables of the faulty fleets', async () => {
    expect(page).toContain(await faultyTable(simulate));
    expect(page).toContain(await courseTable(simulate));
  });
});
