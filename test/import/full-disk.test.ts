import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { DomainName, PoolName } from '../../eventlog/index.ts';
import { fill, smallDisk } from '../support/small-disk.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { domains, importScene, POOL, POOL_EVENTS } from './scene.ts';

const put = (host: string) =>
  ({ type: 'PutDomain', host: host as DomainName, settings: { pool: 'web' as PoolName } }) as const;

describe('an import whose commit fails', () => {
  it.each([
    [100, 701],
    [undefined, 501],
  ])('writes all before the chunk that it cannot have, with chunks of %s', async (size, from) => {
    await using directory = await tempDirectory();
    await using scene = await importScene(directory.path);
    await scene.imported(POOL);
    const db = new Database(scene.file);
    // The row goes in; what it owes is asked for by the commit.
    db.exec(`CREATE TABLE nobody (id INTEGER PRIMARY KEY);
      CREATE TABLE broken (id INTEGER REFERENCES nobody DEFERRABLE INITIALLY DEFERRED);
      CREATE TRIGGER breaks AFTER INSERT ON events WHEN NEW.stream = 'domain-d730.example.com'
      BEGIN INSERT INTO broken VALUES (1); END`);
    const found = await scene.imported(domains(2000), size);
    expect(found.at(-1)).toMatchObject({
      type: 'failed',
      from,
      failure: {
        line: from,
        rejection: { type: 'log_unavailable', detail: expect.stringContaining('FOREIGN') },
      },
    });
    expect(found.slice(0, -1).every(({ type }) => type === 'done')).toBe(true);
    expect(await scene.log.position()).toBe(POOL_EVENTS + from - 1);
    db.exec('DROP TRIGGER breaks; DROP TABLE broken; DROP TABLE nobody');
    db.close();
    await scene.expectWhole();
    expect((await scene.imported(domains(2000), size)).at(-1)).toMatchObject({ type: 'done', to: 2000 });
    expect(await scene.log.position()).toBe(POOL_EVENTS + 2000);
    await scene.expectWhole();
  });

  it('for want of room has what fits, says where the rest begins, and goes on when there is room', async (test) => {
    await using root = await tempDirectory();
    const at = join(root.path, 'disk');
    using disk = smallDisk(at, 12);
    if (disk === undefined) test.skip('mounting a tmpfs takes privileges that this user lacks');
    await using scene = await importScene(join(at, 'data'));
    await scene.imported(POOL + domains(100, 'first'));
    // 1 MiB is left.
    fill(join(at, 'filler'), 1 << 20);
    const found = await scene.imported(domains(20_000));
    const last = found.at(-1)!;
    expect(last).toMatchObject({ type: 'failed', failure: { rejection: { type: 'log_full' } } });
    expect(last.from).toBeGreaterThan(1);
    expect(await scene.log.position()).toBe(POOL_EVENTS + 100 + last.from - 1);
    // A chunk did not fit, a few single commands may.
    let singles = 0;
    const single = () => scene.put(put(`single-${singles}.example.com`));
    let answer = await single();
    for (; answer.type === 'done' && singles < 5000; answer = await single()) singles += 1;
    expect(answer).toMatchObject({ rejection: { type: 'log_full' } });

    rmSync(join(at, 'filler'));
    expect(await single()).toMatchObject({ type: 'done' });
    const rest = await scene.imported(domains(4000));
    expect(rest.at(-1)).toMatchObject({ type: 'done', to: 4000 });
    await scene.expectWhole();
  });
});
