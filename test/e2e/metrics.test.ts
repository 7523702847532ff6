/** What a running router shows to Prometheus, beside what its documents promise. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_PAGE_KINDS } from '../../src/config/error-page-kinds.ts';
import { AdminClient } from '../support/admin-client.ts';
import { inlineCode, rowsUnder } from '../support/documents.ts';
import { startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const document = (name: string) => readFile(join(import.meta.dirname, '../../docs', name), 'utf8');

describe('the documents', () => {
  it('name every metric there is', async () => {
    await using directory = await tempDirectory();
    await using router = await startRouter({ directory: directory.path, args: ['--workers', '2'] });
    await using admin = new AdminClient(router.admin);
    const { body } = await admin.get<string>('/metrics');
    const names = [...body.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
    expect(names).toContain('switchyard_worker_client_connections');
    const known = (await Promise.all(['admin-api.md', 'health.md', 'operations.md'].map(document))).join('');
    expect(names.filter((name) => !known.includes(`\`${name}\``))).toEqual([]);
    const named = [...known.matchAll(/`((?:switchyard|process)_[a-z_]+)(?:\{\w+\})?`/g)].map(
      ([, name]) => name,
    );
    expect(named.filter((name) => !names.includes(name))).toEqual([]);
  });

  it('name every kind of error page', async () => {
    const known = await document('http-behaviour.md');
    const named = rowsUnder(known, '## Error pages').flatMap(([kinds = '']) => inlineCode(kinds));
    expect([...named, 'error'].sort()).toEqual([...ERROR_PAGE_KINDS].sort());
  });
});
