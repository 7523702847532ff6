/** The command line. */
export { CommandFailed } from './failure.ts';
export { type Io, processIo } from './io.ts';
export { runCommand } from './run.ts';
export {
  MOST_WORKERS,
  overridesOf,
  type ParsedServe,
  parseServeArguments,
  type ServeArguments,
} from './serve-arguments.ts';
export type { ExitCode } from './verb.ts';
