/** Where and with what a measurement was made; a figure without it is an anecdote. */
import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly loadAverage: number;
  readonly node: string;
  readonly commit: string;
};

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    loadAverage: loadavg()[0] ?? Number.NaN,
    node: process.version,
    commit: outputOf('git', ['rev-parse', '--short', 'HEAD']) ?? 'unknown',
  };
}

/** What a program prints, on either stream; undefined where there is no such program. */
export function outputOf(program: string, args: readonly string[]): string | undefined {
  const ran = spawnSync(program, args, { encoding: 'utf8' });
  return ran.error === undefined ? `${ran.stdout}${ran.stderr}`.trim() : undefined;
}

/** The first thing in a program's answer that looks like a version. */
export function versionOf(program: string, args: readonly string[]): string | undefined {
  return outputOf(program, args)?.match(/\d+\.\d+(?:\.\d+)?/)?.[0];
}

/** Of the load and the backend of a bench, those that are not there. */
export function lackingTools(): readonly string[] {
  return ['wrk', 'nginx'].filter((tool) => versionOf(tool, ['-v']) === undefined);
}

/** The core for what is measured and the one for everything around it; undefined where there is only one. */
export function coreFor(part: 'proxy' | 'around' | 'all'): string | undefined {
  const count = cpus().length;
  if (count < 2 || versionOf('taskset', ['--version']) === undefined) return undefined;
  if (part === 'all') return `0-${count - 1}`;
  return part === 'proxy' ? String(count - 1) : count > 2 ? `0-${count - 2}` : '0';
}

/** This process, and what it starts from now on, unless told otherwise. */
export function stayOn(core: string): void {
  spawnSync('taskset', ['-acp', core, String(process.pid)]);
}
