/** A start on a disk without room for it: a line that says so, and nothing that hinders the next one. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { NotReady, runCommand, startRouter } from '../support/router-process.ts';
import { fill, smallDisk } from '../support/small-disk.ts';
import { tempDirectory } from '../support/temp-directory.ts';

// Before it there may be what the process log says of this machine.
const REFUSED = /^(?:\{.*\n)*switchyard: expected room on the disk for .*\.db: .*\(SQLITE_\w+\)\n$/;

it('is refused in a line, as is an import at rest, and both go on once there is room', async ({ skip }) => {
  await using root = await tempDirectory();
  const directory = join(root.path, 'disk');
  using disk = smallDisk(directory);
  if (disk === undefined) return skip();
  fill(join(directory, 'filling'));
  const refused = await startRouter({ directory }).catch((error) => error);
  expect(refused).toBeInstanceOf(NotReady);
  expect((refused as NotReady).ended).toMatchObject({ code: 1, output: expect.stringMatching(REFUSED) });
  const lines = join(root.path, 'lines.ndjson');
  writeFileSync(lines, '{"pool":"web"}\n');
  const importing = () => runCommand(['import', lines, '--data', join(directory, 'data')]);
  expect(await importing()).toMatchObject({ code: 1, output: expect.stringMatching(REFUSED) });

  rmSync(join(directory, 'filling'));
  expect((await importing()).code).toBe(0);
  await using router = await startRouter({ directory });
  expect((await router.stop()).code).toBe(0);
});
