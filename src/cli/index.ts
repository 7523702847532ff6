/** The command line: its words, and what `serve` needs of it. What talks to a router (`run.ts`) is loaded by who does. */
export { concluded } from './concluded.ts';
export { CommandFailed } from './failure.ts';
export { processIo } from './io.ts';
export { Printer } from './render/printer.ts';
export {
  MOST_WORKERS,
  overridesOf,
  parseServeArguments,
  type ServeArguments,
  serveUsage,
} from './words/serve-arguments.ts';
