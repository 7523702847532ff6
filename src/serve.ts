/**
 * `switchyard serve`, from arguments to exit status: read the config, start a router, report that it is ready, obey
 * signals, stop. If it cannot run, it prints one line with what was expected and what was found.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { DataUnusable, requireOwnFormat, requireUnheld } from '../eventlog/index.ts';
import { CommandFailed, MOST_WORKERS, overridesOf, type ServeArguments } from './cli/index.ts';
import {
  type Checked,
  type Config,
  difference,
  type ListenerSettings,
  loadConfig,
  parseConfig,
  parseHostPort,
  renderDifference,
  renderProblems,
} from './config/index.ts';
import { type Demo, startDemo } from './demo.ts';
import { fileNumberOf } from './identity.ts';
import { routingOf } from './plan/index.ts';
import { Claims, claimListeners } from './router/claim-listeners.ts';
import { backendsWithin, clientsWithin, requireFiles, shareConnections } from './router/descriptors.ts';
import { isForConfig } from './router/first-routing.ts';
import type { Predecessor } from './router/predecessor.ts';
import { Router } from './router/router.ts';
import { requireAddressSpace } from './router/system-limits.ts';
import { type ExitCode, type Life, obeySignals } from './signals.ts';
import { createProcessLog, type ProcessLog } from './telemetry/process-log.ts';
import { StandardOutput, standardSink } from './telemetry/standard-output.ts';
import { systemLimit, takePrecedence } from './threads/index.ts';
import { userErrorOf } from './user-error.ts';

// 1 s to write what is left in the output buffer.
const LAST_LINES_MS = 1000;

/** Throws `CommandFailed` for anything a user can fix. */
export async function serve(wish: ServeArguments): Promise<ExitCode> {
  let demo: Demo | undefined;
  let predecessor: Predecessor | undefined;
  try {
    demo = wish.verb === 'demo' ? await startDemo() : undefined;
    const config = await configOf(wish, demo);
    if (!config.ok)
      throw new CommandFailed(renderProblems(config.problems, wish.config ?? 'the command line'));
    if (wish.takeOver) predecessor = await predecessorOf(config.value);
    return await run(wish, config.value, demo, predecessor);
  } catch (error) {
    throw userErrorOf(error) ?? error;
  } finally {
    await predecessor?.letGo();
    await demo?.stop();
  }
}

async function configOf(wish: ServeArguments, demo: Demo | undefined): Promise<Checked<Config>> {
  const overrides = await overridesOf(wish);
  if (demo !== undefined) return parseConfig(demo.config, { ...demo.overrides, ...defined(overrides) });
  return wish.config === undefined ? parseConfig({}, overrides) : loadConfig(wish.config, overrides);
}

/** Undefined if no router answers; then this start is an ordinary one. */
async function predecessorOf({ admin, data }: Config): Promise<Predecessor | undefined> {
  // Most starts need no client of the admin API.
  const { Predecessor } = await import('./router/predecessor.ts');
  const directory = fileNumberOf(data) ?? 'none';
  return Predecessor.find({ admin: admin.address, token: admin.token, directory });
}

async function run(
  wish: ServeArguments,
  config: Config,
  demo: Demo | undefined,
  predecessor: Predecessor | undefined,
): Promise<ExitCode> {
  const output = outputOf(() => log);
  const log = createProcessLog({ level: wish.logLevel, destination: output });
  const ended = Promise.withResolvers<ExitCode>();
  const life: Life = { state: 'starts' };
  void ended.promise.then(() => {
    life.state = 'ends';
  });
  const workers = wish.workers ?? Math.min(availableParallelism(), MOST_WORKERS);
  requireAddressSpace(systemLimit('Max address space') ?? Number.POSITIVE_INFINITY, workers);
  // If this process failed, the old one could not continue with a log of a later format.
  if (predecessor !== undefined) requireOwnFormat(config.data);
  else if (!wish.takeOver) requireFree(config.data);
  const claims = new Claims();
  const claimed = await claimListeners(config.listeners, claims, predecessor?.held);
  const { listeners, mostToBackends } = bearable(claimed, workers, log);
  // A port chosen by the system is bound only when it is listened on; claimed earlier, anybody could take it in
  // between.
  const isChosen = parseHostPort(config.admin.address)?.port === 0;
  const isClaimed = isChosen || predecessor !== undefined;
  const admin = isClaimed
    ? config.admin
    : { ...config.admin, address: await claims.claim(config.admin.address) };
  const router = new Router(
    {
      // The working directory may disappear later.
      config: { ...config, admin, data: resolve(config.data) },
      workers,
      mostToBackends,
      chaos: wish.chaos,
      apply: wish.apply,
      version: versionOf(),
      log,
      output,
      isTakingOver: predecessor !== undefined,
      replaced: (pid) => {
        log.info({ successor: pid }, `process ${pid} has taken over: draining`);
        ended.resolve(0);
      },
      failed: (error) => {
        if (!isForConfig(error)) log.fatal({ err: error }, 'the supervision tree gave up');
        ended.resolve(1);
      },
    },
    listeners,
  );
  obeySignals({ wish, config, router, life, log, end: ended.resolve });
  let cut = 0;
  try {
    await predecessor?.makeRoom();
    await router.start();
    takePrecedence();
    claims.letGo();
    // If it was told to end while starting, it leaves the old process in place.
    const isCalledOff = predecessor !== undefined && life.state === 'ends';
    if (!isCalledOff) {
      await predecessor?.takePlace();
      if (life.state === 'starts') life.state = 'runs';
      await tellReady(router, log, output, wish.json ? undefined : demo);
    }
    await ended.promise;
  } finally {
    cut = await router.stop();
  }
  const code = await ended.promise;
  log.info({ requestsCut: cut }, 'ended');
  // No longer: somebody may hold the other end of a pipe without reading.
  await output.written(LAST_LINES_MS);
  return code;
}

/** A process that holds the directory most likely holds the addresses too; the directory is the better message. */
function requireFree(directory: string): void {
  try {
    requireUnheld(directory, Date.now());
  } catch (error) {
    if (!(error instanceof DataUnusable) || error.code !== 'data_held') throw error;
    throw new DataUnusable(error.code, `${error.message}; serve --take-over would take its place`, error);
  }
}

/** Limits clients and connections to backends so that descriptors are left for everything else. Throws `LimitTooLow`. */
function bearable(listeners: readonly ListenerSettings[], workers: number, log: ProcessLog) {
  // Node has raised the limit to the user's maximum.
  const files = systemLimit('Max open files');
  if (files === undefined) return { listeners, mostToBackends: 0 };
  requireFiles(files, workers);
  const clients = clientsWithin(files, workers);
  const bounded = shareConnections(clients, listeners);
  if (bounded !== listeners)
    log.info({ files, clients }, 'client connections are limited by ulimit -n, below limits.connections');
  return { listeners: bounded, mostToBackends: backendsWithin(files, workers, bounded) };
}

function outputOf(log: () => ProcessLog): StandardOutput {
  // Nobody is left to tell.
  process.stderr.on('error', () => {});
  return new StandardOutput({
    sink: standardSink(),
    losing: (error) => {
      if (error !== undefined)
        process.stderr.write(`switchyard: standard output: ${error.message}; its lines are dropped\n`);
      else log().warn({}, 'standard output is not read in time: lines of the access log are dropped');
    },
    regained: (lines) => log().warn({ lines }, 'standard output is read again; so many lines were dropped'),
  });
}

async function tellReady(
  router: Router,
  log: ProcessLog,
  output: StandardOutput,
  demo: Demo | undefined,
): Promise<void> {
  const { listeners, admin } = router.addresses;
  if (router.unapplied !== undefined) {
    const changes = difference(routingOf(await router.present()), router.unapplied);
    const lines = changes.length === 0 ? [] : renderDifference(changes);
    if (lines.length > 0)
      log.warn(
        { difference: lines },
        'the log has history; the file differs and was not applied (serve --apply does)',
      );
  }
  if (await router.empty()) {
    log.info(
      {},
      `no domain yet; add one: switchyard pool set web --admin ${admin}, then backend set and domain set`,
    );
  }
  // Whoever started it waits for this line, whatever the log level.
  log.child({}, { level: 'info' }).info({ listeners, admin }, 'ready');
  for (const line of demo?.welcome(listeners, admin) ?? []) output.write(`${line}\n`);
}

function versionOf(): string {
  const path = new URL(
    import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json',
    import.meta.url,
  );
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
