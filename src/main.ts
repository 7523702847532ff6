/**
 * The program: `serve` and `demo` run a router, every other verb talks to a running one or reads its data at rest.
 */

// 1 s: longer than a command needs to finish, no longer than somebody who pressed Ctrl-C will wait.
const INTERRUPTED_MS = 1000;

const argv = process.argv.slice(2);
const isRouter = argv[0] === 'serve' || argv[0] === 'demo';

// Without a handler these signals would end a router that loads, has no parts yet, or drains. So this comes before all
// imports, which take most of the time before there are handlers that do something.
if (isRouter) process.on('SIGHUP', () => {}).on('SIGUSR2', () => {});

const { concluded, Printer, parseServeArguments, processIo, serveUsage } = await import('./cli/index.ts');

if (isRouter) {
  const print = new Printer(processIo(process, new AbortController().signal), argv.includes('--json'));
  // If Node ended for want of anything to do, it would first take down these handlers, and a signal in that tenth of a
  // second would be the exit status.
  process.exit(await concluded(() => serving(print), print));
} else {
  // Only client commands need the verbs.
  const { runCommand } = await import('./cli/run.ts');
  const stop = new AbortController();
  const interrupted = () => {
    stop.abort();
    // What cannot be cancelled, such as reading a pipe that nobody writes to, ends as it would without this handler.
    setTimeout(() => process.kill(process.pid, 'SIGINT'), INTERRUPTED_MS).unref();
  };
  process.once('SIGINT', interrupted);
  const endOnInterrupt = () => void process.off('SIGINT', interrupted);
  process.exitCode = await runCommand(argv, processIo(process, stop.signal, endOnInterrupt));
}

async function serving(print: InstanceType<typeof Printer>): Promise<0 | 1 | 2> {
  const wish = parseServeArguments(argv);
  if (wish === undefined) {
    await print.lines(serveUsage(argv));
    return 0;
  }
  // Only `serve` and `demo` need the router's parts.
  const { serve } = await import('./serve.ts');
  return serve(wish);
}
