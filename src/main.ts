/** The program: `serve` and `demo` run a router, every other verb talks to one, or to its data at rest. */
import { parseServeArguments, processIo } from './cli/index.ts';

// 1 s: longer than a command needs for its last words, no longer than one who pressed Ctrl-C waits for them.
const INTERRUPTED_MS = 1000;

const argv = process.argv.slice(2);

if (argv[0] === 'serve' || argv[0] === 'demo') {
  const parsed = parseServeArguments(argv);
  if (parsed.type === 'serve') {
    // Only these need the router's own parts.
    const { serve } = await import('./serve.ts');
    process.exitCode = await serve(parsed.arguments);
  } else {
    const stream = parsed.type === 'help' ? process.stdout : process.stderr;
    if (parsed.type === 'wrong' && argv.includes('--json'))
      process.stdout.write(`${JSON.stringify({ error: parsed.lines[0] })}\n`);
    stream.write(`${parsed.lines.join('\n')}\n`);
    process.exitCode = parsed.type === 'help' ? 0 : 2;
  }
} else {
  // Only these need the verbs.
  const { runCommand } = await import('./cli/run.ts');
  const stop = new AbortController();
  process.once('SIGINT', () => {
    stop.abort();
    // What cannot be called off, such as the reading of a pipe that nobody writes, ends as it would without us.
    setTimeout(() => process.kill(process.pid, 'SIGINT'), INTERRUPTED_MS).unref();
  });
  process.exitCode = await runCommand(argv, processIo(process, stop.signal));
}
