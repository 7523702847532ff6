import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSqliteLog, verify } from '../../eventlog/index.ts';
import { fill, smallDisk } from '../support/small-disk.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { append, domainChanged, domainCreated, domainOf, poolCreated, WEB, write } from './appends.ts';
import { projectionOf } from './projections.ts';

describe('a disk that is full', () => {
  it('refuses appends until there is room again, and what was acknowledged stays', async (test) => {
    await using root = await tempDirectory();
    const at = join(root.path, 'disk');
    using disk = smallDisk(at);
    if (disk === undefined) test.skip('mounting a tmpfs takes privileges that this user lacks');
    await using log = openSqliteLog({ directory: join(at, 'data'), now: () => 1_700_000_000_000 });
    await log.append(append([write(WEB, 0, [poolCreated()], { settings: {}, version: 1 })]));
    fill(join(at, 'filler'));

    const stream = domainOf('a.example');
    const wish = (version: number, pool = `pool${version}`) =>
      append([
        write(stream, version, [version === 0 ? domainCreated(pool) : domainChanged(pool)], {
          settings: { pool },
          version: version + 1,
        }),
      ]);
    let version = 0;
    const refused = await until(async () => {
      await log.append(wish(version));
      version += 1;
    });
    expect(refused).toMatchObject({ name: 'LogUnavailable', code: 'log_full' });
    await expect(log.append(wish(version))).rejects.toMatchObject({ code: 'log_full' });
    expect(await log.version(stream)).toBe(version);
    expect(await log.readStream(stream, { limit: 10_000 })).toHaveLength(version);

    rmSync(join(at, 'filler'));
    expect(await log.append(wish(version))).toMatchObject({ type: 'appended', position: version + 2 });
    expect((await verify(log.reader, projectionOf)).findings).toEqual([]);
  });
});

async function until(work: () => Promise<void>): Promise<unknown> {
  for (;;) {
    try {
      await work();
    } catch (error) {
      return error;
    }
  }
}
