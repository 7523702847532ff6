/** Reports to the program outside its requests, and handles errors thrown while reporting. */
import { inspect } from 'node:util';
import type { CommonOptions, ReportedProblem } from './options.ts';

export type Report = (problem: ReportedProblem) => void;

/** A failing report callback neither affects the caller nor loses the report. */
export function reporter(report: CommonOptions['report']): Report {
  if (report === undefined) return warn;
  return (problem) =>
    void telling(
      () => report(problem),
      (error) => {
        warn(problem);
        warn({ where: 'report', error, requestId: problem.requestId });
      },
    );
}

/** The program's line writer may fail; that ends nothing here. */
export function lineWriter({ writeLog, report }: CommonOptions): CommonOptions['writeLog'] {
  if (writeLog === undefined) return undefined;
  const tell = reporter(report);
  return (lines) =>
    void telling(
      () => writeLog(lines),
      (error) => tell({ where: 'writeLog', error, requestId: '' }),
    );
}

/** A rejected promise is reported like a thrown error. */
export async function telling(call: () => unknown, failed: (error: unknown) => void): Promise<void> {
  try {
    await call();
  } catch (error) {
    failed(error);
  }
}

function warn({ where, error, requestId }: ReportedProblem): void {
  const whose = requestId === '' ? '' : ` for request ${requestId}`;
  // Anything may be thrown, even a value that cannot be converted to text.
  const what = typeof error === 'string' ? error : inspect(error, { customInspect: false });
  process.emitWarning(`${where}${whose}: ${what}`, 'SwitchyardWarning');
}
