/** docs/incidents.md, done as it is written: its files, its commands, and what they say, against the real command. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Backend } from '../support/backend.ts';
import { COMMAND, type RouterProcess, startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { type Step, unsaid, walkthroughsIn } from '../support/walkthrough.ts';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../docs/incidents.md'), 'utf8');
// A machine with much else to do: a command is half a second of one core.
const PATIENCE_MS = 240_000;
const SEPARATOR = '\u001e';

/** The document's addresses, and those that they have here. */
class Addresses {
  readonly #pairs: (readonly [written: string, here: string])[] = [];

  add(written: string, here: string): void {
    this.#pairs.push([written, here]);
  }

  here(text: string): string {
    return this.#pairs.reduce((all, [written, here]) => all.replaceAll(written, here), text);
  }

  written(text: string): string {
    return this.#pairs.reduce((all, [written, here]) => all.replaceAll(here, written), text);
  }
}

/** What the files say of each backend, they say in a comment behind its address. */
async function startBackends(files: Iterable<string>, addresses: Addresses, stack: AsyncDisposableStack) {
  const seen = new Set<string>();
  // TCP's own, which nobody listens on.
  let nobody = 1;
  for (const text of files) {
    for (const [, written = '', how = ''] of text.matchAll(/(127\.0\.0\.1:9\d{3})\b[^#\n]*(?:# (.*))?/g)) {
      if (seen.has(written)) continue;
      seen.add(written);
      if (how.includes('nobody listens')) {
        addresses.add(written, `127.0.0.1:${nobody++}`);
        continue;
      }
      const backend = stack.use(await Backend.start({ name: written }));
      const delayMs = Number(/answers after (\d+) ms/.exec(how)?.[1] ?? 0);
      backend.behave = () => ({ type: 'answer', delayMs });
      addresses.add(written, backend.address);
    }
  }
}

/** One shell for all, as the reader has; what each command says, and its status. */
async function run(steps: readonly Step[], router: RouterProcess, addresses: Addresses, cwd: string) {
  const script = [
    // A verb that reads a directory or a file asks no router.
    `switchyard() { local verb=$1; shift; case " $* " in *' --data '*) ;; *) set -- --admin ${router.admin} "$@";; esac; '${COMMAND}' "$verb" "$@"; }`,
    ...steps.map(({ command }) => `${addresses.here(command)}\nprintf '\\n${SEPARATOR}%d${SEPARATOR}\\n' $?`),
  ].join('\n');
  const env = { ...process.env, USER: 'you', LOGNAME: 'you', NO_COLOR: '1' };
  const shell = spawn('bash', ['-c', `exec 2>&1\n${script}`], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  shell.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  await once(shell, 'close');
  const parts = text.split(new RegExp(`\\n?${SEPARATOR}(\\d+)${SEPARATOR}\\n`));
  return steps.map((step, at) => ({
    ...step,
    said: addresses
      .written(parts[2 * at] ?? '')
      .split('\n')
      .filter((line) => line !== ''),
    status: Number(parts[2 * at + 1]),
  }));
}

describe('the incident', () => {
  const walkthroughs = walkthroughsIn(DOCUMENT);
  it.each(walkthroughs.map(({ title }) => title))(
    '%s',
    async (title) => {
      const { files, steps } = walkthroughs.find((one) => one.title === title)!;
      await using stack = new AsyncDisposableStack();
      const { path } = stack.use(await tempDirectory());
      const addresses = new Addresses();
      await startBackends(files.values(), addresses, stack);
      for (const [name, text] of files) await writeFile(join(path, name), addresses.here(text));
      const args = ['--config', join(path, [...files.keys()][0]!), '--workers', '1'];
      const router = stack.use(await startRouter({ directory: path, args, readyWithinMs: PATIENCE_MS }));
      addresses.add('127.0.0.1:8080', router.listeners[0]!);
      const done = await run(steps, router, addresses, path);
      for (const { command, says, said, status } of done) {
        const missing = unsaid(says, said);
        const transcript = `$ ${command}\n${said.join('\n')}\n[${status}]`;
        expect(
          missing === undefined && status === 0,
          `expected ${missing ?? 'status 0'}, found\n${transcript}`,
        ).toBe(true);
      }
    },
    PATIENCE_MS,
  );

  it('is one of four', () => {
    expect(walkthroughs).toHaveLength(4);
  });
});
