/** Bulk from a file of lines, against the real admin API and into a directory at rest. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Scene, scene } from '../../admin/scene.ts';
import { command } from '../command.ts';

let directory: string;
let stage: Scene;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'switchyard-import-'));
  stage = await scene();
});
afterEach(async () => {
  await stage[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const POOL = '{"pool":"web","backends":{"web.1":{"address":"127.0.0.1:9001"}}}';
const domains = (count: number) =>
  Array.from({ length: count }, (_, index) => `{"domain": "d${index}.example.com", "pool": "web"}`);

function file(lines: readonly string[]): string {
  const path = join(directory, 'many.ndjson');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

const run = (path: string, flags: readonly string[] = [], tty = false) =>
  command(['import', path, ...flags, '--admin', stage.address], { tty });

describe('switchyard import', () => {
  it('puts every line, and says how many', async () => {
    const path = file([POOL, ...domains(30_000)]);
    const { code, out, err } = await run(path);
    expect([code, err]).toEqual([0, '']);
    expect(out).toBe('30001 lines, 30001 changes, in force at position 30002\n');
    expect(await run(path, ['--from', '29000'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('1002 lines, 0'),
    });
    expect((await stage.log.read({ from: 30_002 }))[0]?.metadata.author).toBe('alice');
  });

  it('shows progress on a terminal alone', async () => {
    const path = file([POOL, ...domains(2000)]);
    expect((await run(path)).err).toBe('');
    expect((await run(path, [], true)).err).toMatch(/line \d+, \d+ a second/);
  });

  it('says which line is wrong, what is in force, and how to go on', async () => {
    const lines = [POOL, ...domains(1500)];
    lines[1233] = '{"domain": "x.example.com", "pool": "nowhere"}';
    const { code, err } = await run(file(lines));
    expect(code).toBe(1);
    expect(err).toContain('line 1234: domain x.example.com names pool nowhere, which does not exist');
    expect(err).toContain('nothing of lines 1001 to 1500 was carried out');
    expect(err).toContain('lines 1 to 1000 are in force; go on with --from 1001');
    lines[1233] = '';
    expect((await run(file(lines), ['--from', '1001'])).out).toContain('501 lines, 500');
  });

  it('says so too if nothing is in force, with every key that is wrong', async () => {
    const { code, err } = await run(file([POOL, '{"domain": "x.example.com", "pol": "web"}']));
    expect(code).toBe(1);
    expect(err).toMatch(/import-?.*: line 2: pool: expected a string .*, found nothing\n/);
    expect(err).toMatch(/switchyard: pol: expected one of the keys pool, .* did you mean "pool"\?\n/);
    expect(err).toContain('nothing of lines 1 to 2 was carried out');
  });

  it('goes into a directory at rest, where a router finds it', async () => {
    const data = join(directory, 'data');
    const at = ['import', file([POOL, ...domains(3000)]), '--data', data];
    expect((await command(at)).out).toContain('3001 lines, 3001 changes');
    expect((await command(['verify', '--data', data])).out).toContain('all as written');
    expect((await command(['domain', 'show', 'd2999.example.com', '--data', data])).out).toContain('web');
  });

  it('makes no directory for a file that cannot be read, or whose first line is refused', async () => {
    const data = join(directory, 'none');
    for (const path of [join(directory, 'nowhere.ndjson'), directory, file(['{"pool": 1}'])]) {
      expect((await command(['import', path, '--data', data])).code).toBe(1);
      expect(existsSync(data)).toBe(false);
    }
  });

  it.each([
    ['a file that is not there', 'nowhere.ndjson', 'no such file'],
    ['a directory', '.', 'expected a readable file, found a directory'],
    ['both a router and a directory', 'x.ndjson --data .', 'expected --admin or --data, found both'],
  ])('refuses %s', async (_, words, said) => {
    const [path = '', ...flags] = words.split(' ');
    const { code, err } = await run(join(directory, path), flags);
    expect(code).toBeGreaterThan(0);
    expect(err).toContain(said);
  });

  it('reads no more of what has no lines than a line may be', async () => {
    const { code, err } = await run('/dev/zero');
    expect(code).toBe(1);
    expect(err).toMatch(
      /^switchyard: \/dev\/zero: line 1: expected at most 1048576 bytes, found \d+ or more/,
    );
  });
});
