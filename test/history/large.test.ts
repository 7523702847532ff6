/** Questions whose answers are larger than the memory of whoever asks: nobody holds them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSqliteLog, type SwitchyardEvent, type Write } from '../../eventlog/index.ts';
import { eventually } from '../support/eventually.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const DOMAINS = 1600;
const AT_ONCE = 40;
// Settings of 60 KB: all of them are 96 MB, and whoever held them as text, as objects and as text again would need three times that.
const PAGE = 'x'.repeat(60_000);
const HEAP_MEGABYTES = 128;

let directory: TempDirectory;

beforeAll(async () => {
  directory = await tempDirectory();
  const log = openSqliteLog({ directory: directory.path, now: () => 1000 });
  const put = async (type: 'DomainCreated' | 'DomainChanged', from: number, maxInFlight: number) => {
    const writes = Array.from({ length: AT_ONCE }, (_, index): Write => {
      const settings = { errorPages: { unavailable: PAGE }, maxInFlight, pool: 'web' } as never;
      const expected = type === 'DomainCreated' ? 0 : 1;
      return {
        stream: `domain-${nameOf(from + index)}` as Write['stream'],
        expected,
        events: [{ type, data: { settings } } as SwitchyardEvent],
        current: { settings, version: expected + 1 },
      };
    });
    await log.append({ commandId: `${type} ${from}`, digest: 'd', author: 'large', answer: null, writes });
  };
  for (let from = 0; from < DOMAINS; from += AT_ONCE) await put('DomainCreated', from, 1);
  await put('DomainChanged', 0, 2);
  await log.close();
});
afterAll(() => directory[Symbol.asyncDispose]());

function nameOf(index: number): string {
  return `d${10_000 + index}.example`;
}

/** The paths it has open. */
function filesOf({ pid }: ChildProcess): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}

async function run(
  line: string,
  place = directory.path,
): Promise<{ code: number; out: string; err: string }> {
  const heap = `--max-old-space-size=${HEAP_MEGABYTES}`;
  const [verb = '', ...args] = line.split(' ');
  const child = spawn(process.execPath, [heap, MAIN, verb, '--data', place, ...args]);
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code: code as number, out, err };
}

type State = { readonly position: number; readonly domains: { readonly [host: string]: object } };

describe('an answer larger than the memory of a process', () => {
  it.each([
    ['now', '', DOMAINS],
    ['then', ` --at ${DOMAINS - 100}`, DOMAINS - 100],
  ])('is the state, %s', async (_when, at, count) => {
    const { code, out, err } = await run(`state --json${at}`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { domains } = JSON.parse(out) as State;
    expect(Object.keys(domains)).toEqual(Array.from({ length: count }, (_, index) => nameOf(index)));
    expect(domains[nameOf(3)]).toMatchObject({ pool: 'web', maxInFlight: at === '' ? 2 : 1 });
  });

  it('is a difference', async () => {
    const { code, out, err } = await run('diff 0');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.startsWith(`# position 0 to ${DOMAINS + AT_ONCE}\n+ domain d10000.example\n`)).toBe(true);
    expect(out.endsWith(`\n${DOMAINS} to add, 0 to change, 0 to remove\n`)).toBe(true);
  });

  // Ten commands, each of which takes seconds where nobody else has the processor.
  it('is a part of the log as a file, and what an archive leaves', { timeout: 600_000 }, async () => {
    const [part, old] = [join(directory.path, 'part.sy'), join(directory.path, 'old.sy')];
    // Where a change begins.
    const from = DOMAINS - 3 * AT_ONCE + 1;
    expect(await run(`export ${part} --from ${from}`)).toMatchObject({ code: 0, err: '' });
    expect(await run('verify', part)).toMatchObject({
      code: 0,
      out: `${4 * AT_ONCE} events, all as written\n`,
    });
    const copy = join(directory.path, 'copy');
    await cp(join(directory.path, 'events.db'), join(copy, 'events.db'));
    expect(await run(`archive ${old} --before ${from}`, copy)).toMatchObject({ code: 0, err: '' });
    expect(await run('verify', copy)).toMatchObject({
      code: 0,
      out: `${4 * AT_ONCE} events, all as written\n`,
    });
    expect(await run('verify', old)).toMatchObject({ code: 0, out: `${from - 1} events, all as written\n` });
    expect((await run('state --json', copy)).out).toBe((await run('state --json')).out);
  });

  it('is what a command of bisect judges', async () => {
    const judge = `grep -q ${nameOf(DOMAINS - 2)}`;
    const { code, out, err } = await run(`bisect --good ${DOMAINS} --bad ${DOMAINS - 2} -- ${judge}`);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(`expected --good before --bad, found position ${DOMAINS} after ${DOMAINS - 2}`);
  });

  it.runIf(existsSync('/proc/self/fd'))('is checked until Ctrl-C, also while SQLite does so', async () => {
    const child = spawn(process.execPath, [MAIN, 'verify', '--data', directory.path], { stdio: 'ignore' });
    const ended = once(child, 'close');
    await eventually(() => filesOf(child).some((file) => file.startsWith(directory.path)), 'an open log');
    child.kill('SIGINT');
    expect(await ended).toEqual([null, 'SIGINT']);
  });

  it('is not looked for where little changed', async () => {
    const { code, out } = await run(`diff ${DOMAINS} --json`);
    expect(code).toBe(0);
    expect((JSON.parse(out) as { changes: object[] }).changes).toHaveLength(AT_ONCE);
  });
});
