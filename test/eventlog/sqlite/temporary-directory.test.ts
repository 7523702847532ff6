import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeTemporaryDirectory } from '../../../eventlog/index.ts';
import { type TempDirectory, tempDirectory } from '../../support/temp-directory.ts';

let place: TempDirectory;
beforeEach(async () => {
  place = await tempDirectory();
  vi.stubEnv('TMPDIR', place.path);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await place[Symbol.asyncDispose]();
});

const EVENTLOG = fileURLToPath(new URL('../../../eventlog/index.ts', import.meta.url));

/** Another process that has one, and its place. */
async function another() {
  const program = `import { makeTemporaryDirectory } from ${JSON.stringify(EVENTLOG)};
    process.stdout.write(makeTemporaryDirectory().path); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [path] = await once(child.stdout, 'data');
  const kill = async () => {
    child.kill('SIGKILL');
    await once(child, 'close');
  };
  return { path: String(path), kill };
}

describe('a directory for a while', () => {
  it('goes with whoever made it', () => {
    const directory = makeTemporaryDirectory();
    writeFileSync(join(directory.path, 'file'), 'text');
    directory.remove();
    expect(readdirSync(place.path)).toEqual([]);
  });

  it('that a kill left goes when the next is made, and those in use stay', async () => {
    const [killed, alive, own] = [await another(), await another(), makeTemporaryDirectory()];
    await killed.kill();
    expect(existsSync(killed.path)).toBe(true);
    const next = makeTemporaryDirectory();
    expect(existsSync(killed.path)).toBe(false);
    expect([alive.path, own.path, next.path].filter((path) => existsSync(path))).toHaveLength(3);
    await alive.kill();
  });

  it('is never of another name', () => {
    mkdirSync(join(place.path, 'switchyard-export-abc'));
    makeTemporaryDirectory().remove();
    expect(readdirSync(place.path)).toEqual(['switchyard-export-abc']);
  });

  it('writes through nothing that others put in its place', () => {
    const elsewhere = join(place.path, 'elsewhere');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'holder.json'), 'precious');
    symlinkSync(elsewhere, join(place.path, 'switchyard-scratch-link'));
    const shared = join(place.path, 'switchyard-scratch-shared');
    mkdirSync(shared);
    chmodSync(shared, 0o755);
    symlinkSync(join(elsewhere, 'holder.json'), join(shared, 'holder.json'));
    makeTemporaryDirectory().remove();
    expect(readFileSync(join(elsewhere, 'holder.json'), 'utf8')).toBe('precious');
    expect(readdirSync(elsewhere)).toEqual(['holder.json']);
  });
});
