/** Reports to the program besides its requests, and what becomes of errors thrown while reporting. */
import { inspect } from 'node:util';
import type { CommonOptions, ReportedProblem } from './options.ts';

export type Report = (problem: ReportedProblem) => void;

/** Whoever reports is not made to fail by the report, nor is the report lost. */
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

/** Who takes the lines is the program's too: what fails there ends nothing here. */
export function lineWriter({ writeLog, report }: CommonOptions): CommonOptions['writeLog'] {
  if (writeLog === undefined) return undefined;
  const tell = reporter(report);
  return (lines) =>
    void telling(
      () => writeLog(lines),
      (error) => tell({ where: 'writeLog', error, requestId: '' }),
    );
}

/** What an asynchronous function rejects with is told like what another throws. */
export async function telling(call: () => unknown, failed: (error: unknown) => void): Promise<void> {
  try {
    await call();
  } catch (error) {
    failed(error);
  }
}

function warn({ where, error, requestId }: ReportedProblem): void {
  const whose = requestId === '' ? '' : ` for request ${requestId}`;
  // Anything may be thrown, also what refuses to become text.
  const what = typeof error === 'string' ? error : inspect(error, { customInspect: false });
  process.emitWarning(`${where}${whose}: ${what}`, 'SwitchyardWarning');
}
