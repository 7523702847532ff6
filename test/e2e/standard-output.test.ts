/** Who reads the lines of a router may be stuck or gone: requests and commands go on, and the router ends when it is told to. */
import { describe, expect, it } from 'vitest';
import { ask } from '../support/ask.ts';
import { eventually } from '../support/eventually.ts';
import { type RouterProcess, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

// Lines of some 8 000 characters: a few fill a pipe, some hundreds more all that is kept.
const LONG = `/${'x'.repeat(8000)}`;
const MORE_THAN_KEPT = 700;

describe.each(['0', '2'])('with %s workers, where nobody reads standard output', (workers) => {
  it('requests and commands go on, lines are dropped and counted, and told of when it is read again', async () => {
    await using directory = await tempDirectory();
    await using router = await startRouter({ directory: directory.path, args: ['--workers', workers] });
    router.lines.pause();
    await askFor(router, MORE_THAN_KEPT);
    await expect.poll(() => dropped(router)).toBeGreaterThan(0);
    expect(await putPool(router, 'web')).toBe(201);
    expect(await putPool(router, 'api')).toBe(201);
    router.lines.resume();
    await eventually(() => router.output().includes('read again'), 'the line that says so');
    const said =
      router
        .output()
        .split('\n')
        .find((line) => line.includes('read again')) ?? '';
    const { lines } = JSON.parse(said) as { lines: number };
    expect(lines).toBe(await dropped(router));
    // Neither command went missing in the process log, which is told of them a moment after their answers.
    for (const pool of ['web', 'api'])
      await eventually(
        () => router.output().includes(`/v1/pools/${pool}`),
        `the line of the command for ${pool}`,
      );
  });

  it('it ends on SIGTERM all the same', async () => {
    await using directory = await tempDirectory();
    await using router = await startRouter({ directory: directory.path, args: ['--workers', workers] });
    router.lines.pause();
    await askFor(router, 50);
    router.signal('SIGTERM');
    await eventually(() => isGone(router.pid), 'the end of the process');
    router.lines.resume();
    expect((await router.ended).code).toBe(0);
  });

  it('or closed it, requests and commands go on', async () => {
    await using directory = await tempDirectory();
    await using router = await startRouter({ directory: directory.path, args: ['--workers', workers] });
    router.lines.destroy();
    // What was on its way when it was closed is not counted.
    await expect.poll(() => askFor(router, 1).then(() => dropped(router))).toBeGreaterThan(0);
    expect(await putPool(router, 'web')).toBe(201);
    expect((await ask(router.port, 'example.com')).status).toBe(404);
    const said = /switchyard: standard output: .*EPIPE; its lines are dropped\n/;
    await eventually(() => said.test(router.output()), 'word of it on standard error');
    expect((await router.stop()).code).toBe(0);
  });
});

async function askFor(router: RouterProcess, times: number): Promise<void> {
  for (let time = 0; time < times; time++) await ask(router.port, 'example.com', LONG);
}

async function putPool({ admin }: RouterProcess, name: string): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`http://${admin}/v1/pools/${name}`, { method: 'PUT', headers, body: '{}' });
  return response.status;
}

async function dropped({ admin }: RouterProcess): Promise<number> {
  const text = await (await fetch(`http://${admin}/metrics`)).text();
  return Number(/^switchyard_log_lines_dropped_total (\d+)$/m.exec(text)?.[1]);
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
