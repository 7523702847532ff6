/** How a command ends: errors become lines and an exit status, also when the output cannot be written. */
import { CommandFailed, UsageError } from './failure.ts';
import type { Printer } from './render/printer.ts';
import type { ExitCode } from './verb.ts';

/** Rejects only with errors that are not the user's fault. */
export async function concluded(work: () => Promise<ExitCode>, print: Printer): Promise<ExitCode> {
  const code = await work().catch((error: unknown) => told(error, print));
  const failure = await print.failure();
  if (failure === undefined) return code;
  print.note(`standard output: expected to write to it, found ${failure.message}`);
  return code === 0 ? 1 : code;
}

async function told(error: unknown, print: Printer): Promise<ExitCode> {
  if (error instanceof UsageError) {
    print.note(error.message);
    if (print.json) await print.value({ error: error.message });
    if (error.hint !== undefined) print.note(error.hint);
    return 2;
  }
  if (!(error instanceof CommandFailed)) throw error;
  if (print.json) await print.value(error.json);
  for (const line of error.lines) print.note(line);
  return 1;
}
