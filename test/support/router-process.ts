/**
 * The real command as a child process: started on ports the system chooses, known to be ready by its own word,
 * stopped, killed, and started again on the same data.
 *
 *   starting ──ready line──▶ running ──stop / kill / its own end──▶ ended
 *       └──────ended before it was ready: rejects with what it said
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Threads that route, where a test does not say it; the command's own default if nobody does. */
export const WORKERS = process.env['E2E_WORKERS'];

export const COMMAND = join(import.meta.dirname, '../../bin/switchyard');

export type RouterOptions = {
  /** Kept between starts: its data, and its config file if one is given. */
  readonly directory: string;
  readonly config?: object;
  /** More of the command line, after what this file sets. */
  readonly args?: readonly string[];
  /** One listener and the admin API on port 0 of loopback, unless the config or these say otherwise. */
  readonly listen?: readonly string[];
  readonly admin?: string;
  /** The command of another checkout. */
  readonly command?: string;
  /** Pinned to this core, as `taskset -c` understands it. */
  readonly core?: string | undefined;
  readonly readyWithinMs?: number;
  /** Beside the test's own. */
  readonly env?: Readonly<Record<string, string>>;
};

export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Standard output and standard error as they came. */
  readonly output: string;
};

/** It ended instead of getting ready. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
  readonly ended: Ended;
  constructor(ended: Ended) {
    super(`expected a ready line, found exit ${ended.code ?? ended.signal}:\n${ended.output}`);
    this.ended = ended;
  }
}

export type RouterProcess = AsyncDisposable & {
  readonly pid: number;
  /** host:port of each listener, in order. */
  readonly listeners: readonly string[];
  /** Of the first listener. */
  readonly port: number;
  /** host:port. */
  readonly admin: string;
  /** From the command to the ready line. */
  readonly startedInMs: number;
  readonly ended: Promise<Ended>;
  /** What it has printed so far; of much, the last megabytes. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** The reading end of its standard output. */
  readonly lines: Readable;
  /** Asks it to end and waits until it has; gives up and kills it after `withinMs`, which is then a failure. */
  stop(withinMs?: number): Promise<Ended>;
  kill(): Promise<Ended>;
};

// It takes one; a machine that others use too may take many.
const READY_MS = 50_000;
const STOP_MS = 40_000;

export async function startRouter(options: RouterOptions): Promise<RouterProcess> {
  const began = performance.now();
  const child = spawnCommand(['serve', ...(await serveArguments(options))], options);
  const output = collect(child);
  const ended = endOf(child, output);
  const ready = await readyLine(child, output, ended, options.readyWithinMs ?? READY_MS);
  const stop = (withinMs = STOP_MS) => end(child, ended, withinMs);
  const kill = () => {
    child.kill('SIGKILL');
    return ended;
  };
  return {
    ...ready,
    pid: child.pid ?? 0,
    startedInMs: performance.now() - began,
    ended,
    output: () => output.text(),
    signal: (name) => void child.kill(name),
    lines: child.stdout!,
    stop,
    kill,
    [Symbol.asyncDispose]: async () => void (await kill()),
  };
}

/** Runs a command that ends by itself, such as `switchyard apply`. */
export async function runCommand(args: readonly string[], withinMs = READY_MS): Promise<Ended> {
  const child = spawnCommand(args, {});
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
  try {
    return await endOf(child, collect(child));
  } finally {
    clearTimeout(timer);
  }
}

async function serveArguments(options: RouterOptions): Promise<string[]> {
  const args = ['--data', join(options.directory, 'data')];
  for (const address of options.listen ?? ['127.0.0.1:0']) args.push('--listen', address);
  args.push('--admin', options.admin ?? '127.0.0.1:0');
  if (options.config !== undefined) {
    const file = join(options.directory, 'config.json');
    await writeFile(file, JSON.stringify(options.config));
    args.push('--config', file);
  }
  const own = options.args ?? [];
  if (WORKERS !== undefined && !own.includes('--workers')) args.push('--workers', WORKERS);
  return [...args, ...own];
}

// A test that timed out, or whose runner was ended, never gets to its own clean-up.
const running = new Set<ChildProcess>();
process.on('exit', killAll);
process.once('SIGTERM', () => {
  killAll();
  process.kill(process.pid, 'SIGTERM');
});

function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

function spawnCommand(
  args: readonly string[],
  { core, command = COMMAND, env }: Pick<RouterOptions, 'core' | 'command' | 'env'>,
): ChildProcess {
  // taskset and the command's own script both become Node, so the process id is the router's.
  const [program, all] = core === undefined ? [command, args] : ['taskset', ['-c', core, command, ...args]];
  const child = spawn(program, all, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  running.add(child);
  return child.on('exit', () => running.delete(child));
}

type Output = { text(): string; onLine(listener: (line: string) => void): void };

// Access logs of a loaded run are hundreds of megabytes; the end is what tells why something failed.
const KEPT_CHARACTERS = 4_000_000;

function collect(child: ChildProcess): Output {
  let text = '';
  let partial = '';
  let listener: ((line: string) => void) | undefined;
  const take = (chunk: string) => {
    text += chunk;
    if (text.length > 2 * KEPT_CHARACTERS) text = text.slice(-KEPT_CHARACTERS);
  };
  const decoder = new StringDecoder('utf8');
  child.stdout?.on('data', (bytes: Buffer) => {
    const chunk = decoder.write(bytes);
    take(chunk);
    if (listener === undefined) return;
    const lines = (partial + chunk).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) listener?.(line);
  });
  child.stderr?.setEncoding('utf8').on('data', take);
  return {
    text: () => text,
    onLine(next) {
      listener = next;
    },
  };
}

async function endOf(child: ChildProcess, output: Output): Promise<Ended> {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, output: output.text() };
}

type Ready = { listeners: readonly string[]; port: number; admin: string };

function readyLine(
  child: ChildProcess,
  output: Output,
  ended: Promise<Ended>,
  withinMs: number,
): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const threads = threadsOf(child.pid);
      child.kill('SIGKILL');
      reject(new Error(`expected a ready line within ${withinMs} ms, found:\n${output.text()}\n${threads}`));
    }, withinMs);
    output.onLine((line) => {
      const ready = readReady(line);
      if (ready === undefined) return;
      clearTimeout(timer);
      output.onLine(() => {});
      resolve(ready);
    });
    ended.then((end) => {
      clearTimeout(timer);
      reject(new NotReady(end));
    }, reject);
  });
}

function readReady(line: string): Ready | undefined {
  if (!line.startsWith('{') || !line.includes('"msg":"ready"')) return undefined;
  const { listeners, admin } = JSON.parse(line) as { listeners: string[]; admin: string };
  return { listeners, admin, port: Number(listeners[0]?.split(':').at(-1)) };
}

async function end(child: ChildProcess, ended: Promise<Ended>, withinMs: number): Promise<Ended> {
  child.kill('SIGTERM');
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, withinMs);
  const result = await ended;
  clearTimeout(timer);
  if (late)
    throw new Error(`expected an end within ${withinMs} ms of SIGTERM, found none:\n${result.output}`);
  return result;
}

/** Each thread's name, state, ticks of CPU and what it sleeps in: who waits for what. */
function threadsOf(pid: number | undefined): string {
  try {
    const tasks = `/proc/${pid}/task`;
    const lines = readdirSync(tasks).map((task) => {
      const stat = readFileSync(`${tasks}/${task}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
      return `${name} ${fields[0]} ${fields[11]}+${fields[12]} ${readFileSync(`${tasks}/${task}/wchan`, 'utf8')}`;
    });
    return lines.join('\n');
  } catch {
    return '';
  }
}
