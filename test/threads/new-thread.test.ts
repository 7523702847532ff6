import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { systemLimit } from '../../src/threads/index.ts';

const PROGRAM = `
  const { newThread } = await import(process.argv[1]);
  try {
    newThread(new URL('data:text/javascript,'), { name: 'one' });
  } catch ({ code, message }) {
    console.log(code, message);
  }`;

/** What a process says that begins a thread within so many KiB of addresses. */
async function begun(addresses: number | 'unlimited'): Promise<string> {
  const module = new URL('../../src/threads/new-thread.ts', import.meta.url).href;
  const script = `ulimit -v ${addresses}; exec "$0" --disable-warning=ExperimentalWarning --input-type=module -e "$1" "$2"`;
  const child = spawn('sh', ['-c', script, process.execPath, PROGRAM, module]);
  const said = await Promise.all([text(child.stdout), text(child.stderr)]);
  return said.join('');
}

it.runIf(process.platform === 'linux')(
  'a thread for which there are too few addresses is told, and ends no process',
  async () => {
    expect(await begun('unlimited')).toBe('');
    const found =
      /^ERR_WORKER_INIT_FAILED expected 2 GiB of addresses \(ulimit -v\) left for the thread one, found [01]\.\d\n$/;
    expect(await begun(2_500_000)).toMatch(found);
  },
);

it.runIf(process.platform === 'linux')('what the system allows is read', () => {
  expect(systemLimit('Max open files')).toBeGreaterThan(0);
});
