/** What a router that `serve` runs does on SIGTERM, SIGINT, SIGHUP and SIGUSR2. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { overridesOf, type ServeArguments } from './cli/index.ts';
import { type Config, keptSettings, renderProblems } from './config/index.ts';
import { oneAtATime } from './router/one-at-a-time.ts';
import type { Router } from './router/router.ts';
import type { ProcessLog } from './telemetry/process-log.ts';

export type ExitCode = 0 | 1;
export type Life = { state: 'starts' | 'runs' | 'ends' };

type Served = {
  readonly wish: ServeArguments;
  /** As it was at the start. */
  readonly config: Config;
  readonly router: Router;
  readonly life: Readonly<Life>;
  readonly log: ProcessLog;
  /** Drains the router and ends the process. */
  readonly end: (code: ExitCode) => void;
};

/** The first TERM or INT drains, a second ends at once; HUP reads the file again, USR2 replaces the workers. */
export function obeySignals(served: Served): void {
  const { wish, router, life, log } = served;
  const whileItRuns = (work: () => Promise<unknown>) => (signal: NodeJS.Signals) => {
    if (life.state === 'runs')
      work().catch((error: unknown) => log.error({ err: error }, `${signal}: not carried out`));
    else log.warn({ signal }, `${signal}: ignored while the router ${life.state}`);
  };
  // The working directory may disappear later.
  const file = wish.config === undefined ? undefined : resolve(wish.config);
  // If two ran at once, the one with the older file could apply its changes last.
  const reload = whileItRuns(oneAtATime(() => reapply(served, file)));
  const replace = whileItRuns(() => router.replaceWorkers());
  const terminate = terminator(served);
  process.on('SIGTERM', terminate).on('SIGINT', terminate).on('SIGHUP', reload).on('SIGUSR2', replace);
}

function terminator({ config, router, life, log, end }: Served): (signal: NodeJS.Signals) => void {
  const { drainDelayMs } = config;
  let asked = false;
  return (signal) => {
    if (asked) {
      log.warn({ signal }, 'ending at once');
      process.exit(1);
    }
    asked = true;
    router.announceEnd();
    if (life.state !== 'runs' || drainDelayMs === 0) {
      log.info({ signal }, 'draining; a second signal ends at once');
      end(0);
      return;
    }
    log.info(
      { signal, drainDelayMs },
      'health checks fail from now on; draining later; a second signal ends at once',
    );
    const drain = () => {
      // Another process may have taken over, or the supervision tree given up.
      if (life.state !== 'runs') return;
      log.info({ signal }, 'draining');
      end(0);
    };
    setTimeout(drain, drainDelayMs).unref();
  };
}

async function reapply({ wish, config, router, life, log }: Served, file: string | undefined): Promise<void> {
  if (file === undefined) return log.warn({}, 'SIGHUP: there is no config file to apply');
  try {
    for (const path of wish.tokenFile === undefined ? [file] : [file, wish.tokenFile])
      if (await isPipe(path)) {
        const problem = { path: '', expected: 'a file that can be read again', found: 'a pipe' };
        return log.error({ problems: renderProblems([problem], path) }, 'SIGHUP: nothing applied');
      }
    const overrides = await overridesOf(wish);
    const followed = await router.follow({ path: file, overrides }, 'SIGHUP');
    if (followed.type === 'unfit')
      return log.error({ problems: renderProblems(followed.problems, file) }, 'SIGHUP: nothing applied');
    const settings = followed.settings === null ? [] : keptSettings(config, followed.settings);
    if (settings.length > 0)
      log.warn({ settings }, 'SIGHUP: not applied: these settings take effect only at a start');
    if (followed.type === 'silent') return log.warn({}, 'SIGHUP: the file says nothing of pools and domains');
    const { answer } = followed;
    if (answer.type === 'rejected') log.error({ reason: answer.rejection }, 'SIGHUP: nothing applied');
    else
      log.info(
        { changed: answer.changed, position: answer.position },
        'SIGHUP: pools and domains are as in the file',
      );
  } catch (error) {
    // A router that ends stops the threads that read and compare: that is no fault.
    if (life.state === 'ends') log.warn({}, 'SIGHUP: not carried out: the router ends');
    else log.error({ err: error }, 'SIGHUP: nothing applied');
  }
}

/** Opening one waits until somebody writes. Nothing calls that off, and no process ends before its threads do. */
async function isPipe(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFIFO() === true;
}
