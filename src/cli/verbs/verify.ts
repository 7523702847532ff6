/** `verify`: is the log what was written? Status 1 if not. */
import { verification } from '../replies.ts';
import { clean } from '../table.ts';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';

export const verifyVerb: Verb = {
  name: 'verify',
  positionals: [],
  summary: 'checks the log: chain of hashes, positions, every event readable, state equal to its fold',
  options: READ_OPTIONS,
  run,
};

async function run({ admin, print }: Context): Promise<ExitCode> {
  const client = await admin();
  const found = await client.ask({ method: 'POST', path: ['v1', 'verify'] }, verification);
  const { ok, events = 0, findings = [], cut } = found;
  if (print.json) await print.value(found);
  else {
    for (const finding of findings) {
      const where = `position ${finding.position} of ${finding.stream}`;
      await print.line(
        clean(`${finding.type} at ${where}: expected ${finding.expected}, found ${finding.found}`),
      );
    }
    const many = `${findings.length}${cut ? ' or more' : ''}`;
    await print.line(ok ? `${events} events, all as written` : `${events} events checked, ${many} findings`);
  }
  return ok ? 0 : 1;
}
