/** SQL over a running router's log and journal, and what of it is stopped. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AdminClient } from '../support/admin-client.ts';
import { ask } from '../support/ask.ts';
import { Backend } from '../support/backend.ts';
import { holdPort } from '../support/held-port.ts';
import { readProc } from '../support/proc.ts';
import { startRouter } from '../support/router-process.ts';
import { ok, ScriptedBackend } from '../support/scripted-backend.ts';
import { tempDirectory } from '../support/temp-directory.ts';

// Ten to the twelfth rows of SQLite's own making, which ask nobody for anything.
const ENDLESS = `WITH t(n) AS (VALUES ${Array.from({ length: 100 }, (_, n) => `(${n})`).join(',')})
  SELECT count(*) FROM t a, t b, t c, t d, t e, t f`;

// 720 MB of text that nobody sees.
const LARGE = `SELECT ${Array.from({ length: 3 }, (_, n) => `length(max(hex(zeroblob(${120_000_000 - n}))))`).join(',')}`;

describe('query on a running router', () => {
  it('knows a request at once, and ends what would not end by itself', async () => {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await tempDirectory());
    const backend = stack.use(await Backend.start({ name: 'web.1' }));
    const pools = { web: { backends: { 'web.1': { address: backend.address } } } };
    const config = { accessLog: false, pools, domains: { '*': { pool: 'web' } } };
    const router = stack.use(
      await startRouter({ directory: directory.path, config, args: ['--workers', '1'] }),
    );
    const admin = stack.use(new AdminClient(router.admin));
    expect((await ask(router.port, 'a.example', '/one')).status).toBe(200);
    const sql = 'SELECT r.path, r.status, l.backend FROM v1_requests r JOIN v1_leases l ON l.pool = r.pool';
    const { body } = await admin.must<{ rows: unknown[] }>('POST', '/v1/query', { sql });
    expect(body.rows).toEqual([['/one', 200, 'web.1']]);
    const endless = admin.post<{ detail: string }>('/v1/query', { sql: ENDLESS, timeoutMs: 3000 });
    if (process.platform === 'linux')
      await expect.poll(() => oomScoresOfChildren(router.pid), { interval: 10 }).toEqual(['1000']);
    // Meanwhile history answers others.
    expect((await admin.get('/v1/diff?from=0')).status).toBe(200);
    const { status, body: problem } = await endless;
    expect(status).toBe(400);
    expect(problem.detail).toMatch(/expected an answer within 3000 ms and 512 MB, found none/);
    const large = await admin.post<{ detail: string }>('/v1/query', { sql: LARGE });
    expect(large.body.detail).toMatch(/512 MB at most, found one that takes more/);
  });

  it('tells of a request that was sent again no times of the attempt before', async () => {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await tempDirectory());
    const unavailable = await ScriptedBackend.listen(
      () => 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n',
    );
    stack.defer(() => unavailable.close());
    const silent = await ScriptedBackend.listen(({ target }) => (target === '/answered' ? ok() : undefined));
    stack.defer(() => silent.close());
    const dead = await holdPort();
    stack.defer(() => dead.close());
    const poolOf = (port: number) => ({
      policy: 'round-robin',
      timeouts: { firstByteMs: 300 },
      retries: { statuses: [503], budgetPercent: 100 },
      health: { passive: false },
      backends: {
        'web.1': { address: `127.0.0.1:${unavailable.port}` },
        'web.2': { address: `127.0.0.1:${port}` },
      },
    });
    const config = {
      accessLog: false,
      pools: { silent: poolOf(silent.port), dead: poolOf(dead.port) },
      domains: { 'silent.example': { pool: 'silent' }, 'dead.example': { pool: 'dead' } },
    };
    const router = stack.use(
      await startRouter({ directory: directory.path, config, args: ['--workers', '1'] }),
    );
    const admin = stack.use(new AdminClient(router.admin));
    for (let i = 0; i < 2; i++)
      for (const [host, path] of [
        ['silent.example', '/answered'],
        ['silent.example', '/not'],
        ['dead.example', '/'],
      ] as const)
        await ask(router.port, host, path);
    const sql =
      "SELECT outcome, max(first_byte_ms), min(first_byte_ms), max(connect_ms) FROM v1_requests WHERE attempts = 2 AND backend = 'web.2' GROUP BY outcome ORDER BY outcome";
    const { body } = await admin.must<{ rows: unknown[][] }>('POST', '/v1/query', { sql });
    expect(body.rows).toEqual([
      ['connect_refused', null, null, null],
      ['first_byte_timeout', null, null, expect.any(Number)],
      ['responded', expect.any(Number), expect.any(Number), expect.any(Number)],
    ]);
    expect(Number(body.rows[2]?.[2])).toBeGreaterThanOrEqual(0);
  });
});

function oomScoresOfChildren(pid: number): string[] {
  const isChild = new RegExp(`^PPid:\\t${pid}$`, 'm');
  const processes = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return processes.flatMap((one) => {
    if (!isChild.test(readProc(`/proc/${one}/status`) ?? '')) return [];
    return readProc(`/proc/${one}/oom_score_adj`)?.trim() ?? [];
  });
}
