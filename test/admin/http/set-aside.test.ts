import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { setAside } from '../../../src/admin/http/set-aside.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

afterEach(() => void vi.unstubAllEnvs());

async function* endless(): AsyncGenerator<string, undefined> {
  for (;;) yield 'x'.repeat(65_536);
}

it('says where it has no room for an answer, and leaves nothing there', async ({ skip }) => {
  await using directory = await tempDirectory();
  const at = join(directory.path, 'disk');
  using disk = smallDisk(at);
  if (disk === undefined) skip();
  vi.stubEnv('TMPDIR', at);
  await expect(setAside('', endless(), {})).rejects.toMatchObject({
    name: 'DataUnusable',
    message: `expected to write in TMPDIR, ${at}: ENOSPC: no space left on device, write`,
  });
  expect(readdirSync(at)).toEqual([]);
});
