/**
 * Who yields when all cores are busy: requests do to commands, if the system allows it, and questions about the past do to
 * both. What commands wait for does not, or a rollback would be slowest on the very day it is needed.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AdminClient, type Method } from '../support/admin-client.ts';
import { readProc } from '../support/proc.ts';
import { COMMAND, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const POOLS = { web: {}, old: { backends: { 'old.1': { address: '127.0.0.1:9' } } } };
const DOMAINS = { '*': { pool: 'web' } };
const WAIT = { headers: { prefer: 'wait' } };

const MAIN = 'node-MainThread';

type Asked = [what: string, method: Method, path: string, body?: object];

describe.runIf(process.platform === 'linux')('the threads of a router', () => {
  it.each<Asked>([
    ['a rollback', 'POST', '/v1/rollback', { to: 0, allowRemovals: 9 }],
    ['what a rollback would change', 'POST', '/v1/rollback?dryRun=true', { to: 0 }],
    ['an undo', 'POST', '/v1/rollback', { change: 1, allowRemovals: 9 }],
    ['a removal that waits for its backends', 'DELETE', '/v1/pools/old'],
  ])('%s runs at the priority of the router', async (_what, method, path, body) => {
    await using router = await started();
    await using admin = new AdminClient(router.admin);
    const usual = nicenessOf(router.pid).get('worker-1');
    expect((await admin.send(method, path, body, WAIT)).status).toBe(200);
    const { main, others } = mainAndOthers(router.pid);
    expect(others).toEqual(new Set([usual]));
    expect(main).toBe(mayBeLessNice() ? usual! - 5 : usual);
  });

  it('a replaced worker has the priority of the one before', async () => {
    await using router = await started();
    await using admin = new AdminClient(router.admin);
    const before = nicenessOf(router.pid);
    expect((await admin.send('POST', '/v1/workers/replace', undefined, WAIT)).status).toBe(200);
    expect(nicenessOf(router.pid).get('worker-1')).toBe(before.get('worker-1'));
  });

  it.each([0, 7])('a question about the past has a lower one than a router of nice %i', async (nice) => {
    await using router = await started(nice);
    await using admin = new AdminClient(router.admin);
    const usual = nicenessOf(router.pid).get('worker-1');
    await admin.get('/v1/state?at=1');
    // There is no more than 19, of whatever this test itself is.
    expect(nicenessOf(router.pid).get('history')).toBe(Math.min(19, usual! + 10));
  });
});

async function started(nice = 0) {
  await using stack = new AsyncDisposableStack();
  const { path: directory } = stack.use(await tempDirectory());
  const config = { accessLog: false, pools: POOLS, domains: DOMAINS };
  const command = join(directory, 'nice');
  await writeFile(command, `#!/bin/sh\nexec nice -n ${nice} ${COMMAND} "$@"\n`, { mode: 0o755 });
  const router = stack.use(await startRouter({ directory, config, command }));
  const owned = stack.move();
  return { pid: router.pid, admin: router.admin, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** By thread name. proc(5): nice is the 19th field, the 17th after the name. */
function nicenessOf(pid: number): ReadonlyMap<string, number> {
  const byName = new Map<string, number>();
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    const stat = readProc(`/proc/${pid}/task/${id}/stat`);
    if (stat === undefined) continue;
    const [, name = ''] = /\((.*)\)/.exec(stat) ?? [];
    byName.set(name, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]));
  }
  return byName;
}

function mainAndOthers(pid: number) {
  // libuv starts its own when first needed, for whichever thread that is.
  const { [MAIN]: main, 'libuv-worker': _, ...others } = Object.fromEntries(nicenessOf(pid));
  return { main, others: new Set(Object.values(others)) };
}

/** By trial, since who has the capability may lack it outside of its user namespace. nice(1) says what it got. */
function mayBeLessNice(): boolean {
  const { stdout } = spawnSync('nice', ['-n', '-5', 'nice'], { encoding: 'utf8' });
  return stdout.trim() === String(getPriority() - 5);
}
