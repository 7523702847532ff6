/**
 * The command line: its arguments, and what `serve` needs of it. The verbs that talk to a router (`run.ts`) are
 * loaded only when used.
 */
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
