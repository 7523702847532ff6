/** How the program ends where its output has no room, or where whoever runs it has waited enough. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { readProc } from '../support/proc.ts';
import { fill, smallDisk } from '../support/small-disk.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const COMMAND = fileURLToPath(new URL('../../bin/switchyard', import.meta.url));

function started(args: readonly string[], shell?: string): ChildProcess {
  // With `shell` the command is "$@" in it.
  return shell === undefined
    ? spawn(COMMAND, args, { stdio: 'pipe' })
    : spawn('sh', ['-c', shell, 'sh', COMMAND, ...args], { stdio: 'pipe' });
}

async function ended(child: ChildProcess): Promise<{ readonly code: number | null; readonly err: string }> {
  let err = '';
  child.stderr?.on('data', (text) => (err += String(text)));
  const [code] = await once(child, 'close');
  return { code, err };
}

/** Their command lines. */
function childrenOf({ pid }: ChildProcess): string[] {
  const children = readProc(`/proc/${pid}/task/${pid}/children`)?.match(/\d+/g) ?? [];
  // The command is a shell first, whose own children end at once.
  return children.flatMap((one) => readProc(`/proc/${one}/cmdline`) ?? []);
}

/** With so many domains in its log. */
async function dataIn(directory: string, domains: number): Promise<string> {
  const file = join(directory, 'lines.ndjson');
  const lines = Array.from({ length: domains }, (_, at) => `{"domain": "${at}.example", "pool": "web"}\n`);
  writeFileSync(file, ['{"pool": "web"}\n', ...lines].join(''));
  const data = join(directory, 'data');
  expect(await ended(started(['import', file, '--data', data]))).toEqual({ code: 0, err: '' });
  return data;
}

const FULL =
  'switchyard: standard output: expected to write to it, found ENOSPC: no space left on device, write\n';

describe('a full disk under standard output', () => {
  it.runIf(existsSync('/dev/full'))('is told, with status 1', async () => {
    expect(await ended(started(['schema'], '"$@" > /dev/full'))).toEqual({ code: 1, err: FULL });
    expect((await ended(started(['nonsense', '--json'], '"$@" > /dev/full'))).code).toBe(2);
    expect(await ended(started(['serve', '--help'], '"$@" > /dev/full'))).toEqual({ code: 1, err: FULL });
    const wrong = await ended(started(['serve', '--nonsense', '--json'], '"$@" > /dev/full'));
    expect(wrong).toEqual({ code: 2, err: expect.stringContaining(FULL) });
    const refused = await ended(started(['serve', '--config', '/none', '--json'], '"$@" > /dev/full'));
    expect(refused).toEqual({
      code: 1,
      err: `switchyard: /none: expected a readable file, found no such file\n${FULL}`,
    });
  });

  it.runIf(existsSync('/dev/full'))('is no failure of a router, which goes on without it', async () => {
    await using directory = await tempDirectory();
    const words = [
      '--data',
      directory.path,
      '--listen',
      '127.0.0.1:0',
      '--admin',
      '127.0.0.1:0',
      '--workers',
      '0',
    ];
    const child = started(['serve', ...words], 'exec "$@" > /dev/full');
    const end = ended(child);
    await once(child.stderr!, 'data');
    child.kill('SIGTERM');
    expect(await end).toEqual({ code: 0, err: expect.stringMatching(/^[^\n]*; its lines are dropped\n$/) });
  });

  it.each(['help', 'serve --help', 'demo --help'])(
    'or nobody who reads the answer to %s, is no failure',
    async (line) => {
      const child = started(line.split(' '));
      child.stdout?.destroy();
      expect(await ended(child)).toEqual({ code: 0, err: '' });
    },
  );

  it('is told also where a part still fits', async ({ skip }) => {
    await using directory = await tempDirectory();
    const at = join(directory.path, 'disk');
    using disk = smallDisk(at);
    if (disk === undefined) skip();
    fill(join(at, 'filling'), 4096);
    expect(await ended(started(['schema'], `"$@" > ${at}/schema.json`))).toEqual({ code: 1, err: FULL });
    expect(statSync(join(at, 'schema.json')).size).toBe(4096);
  });

  it('leaves no half of an export, which would keep the next from its name', async ({ skip }) => {
    await using directory = await tempDirectory();
    const data = await dataIn(directory.path, 10);
    const at = join(directory.path, 'disk');
    using disk = smallDisk(at);
    if (disk === undefined) skip();
    fill(join(at, 'filling'), 4096);
    const file = join(at, 'part.sy');
    expect(await ended(started(['export', file, '--data', data]))).toEqual({
      code: 1,
      err: `switchyard: ${file}: expected to write all of it, found ENOSPC: no space left on device, write\n`,
    });
    expect(existsSync(file)).toBe(false);
  });
});

describe('Ctrl-C', () => {
  it.each(['a data directory', 'one file'])(
    'ends a query of %s in the midst of what SQLite does by itself',
    async (of) => {
      await using directory = await tempDirectory();
      let data = await dataIn(directory.path, 200);
      if (of === 'one file') {
        const file = join(directory.path, 'all.sy');
        expect(await ended(started(['export', file, '--data', data]))).toMatchObject({ code: 0 });
        data = file;
      }
      const sql = `SELECT count(*) FROM ${Array.from('abcdef', (name) => `v1_events ${name}`).join(', ')}`;
      const child = started(['query', sql, '--data', data]);
      await eventually(
        () => childrenOf(child).some((one) => one.includes('query-process')),
        'a query',
        20_000,
      );
      child.kill('SIGINT');
      expect(await ended(child)).toEqual({
        code: 1,
        err: 'switchyard: interrupted before an answer came\n',
      });
    },
  );

  it('ends an import whose input is still open, and says what is in force', async () => {
    await using directory = await tempDirectory();
    const child = started(['import', '-', '--data', join(directory.path, 'data'), '--json']);
    const end = ended(child);
    child.stdin?.write('{"pool": "web"}\n'.repeat(2500));
    await once(child.stdout!, 'data');
    child.kill('SIGINT');
    const { code, err } = await end;
    expect(code).toBe(1);
    expect(err).toMatch(
      /^switchyard: interrupted\nswitchyard: lines 1 to \d000 are in force; go on with --from \d001\n$/,
    );
  });

  it('ends the wait for a pipe that nobody writes', async () => {
    await using directory = await tempDirectory();
    const pipe = join(directory.path, 'pipe');
    await once(spawn('mkfifo', [pipe]), 'close');
    const child = started(['apply', pipe]);
    // The end of the pipe that is written is opened once somebody reads: then the command waits for lines.
    const writer = spawn('sh', ['-c', `exec 3> ${pipe}; echo open; exec sleep 60`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(writer.stdout, 'data');
    child.kill('SIGINT');
    await once(child, 'close');
    expect(child.signalCode).toBe('SIGINT');
    writer.kill();
  });
});
