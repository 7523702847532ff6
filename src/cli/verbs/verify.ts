/** `verify`: checks that the log is what was written. Status 1 if not. */
import { z } from 'zod';
import { plural } from '../../config/index.ts';
import { clean } from '../render/table.ts';
import { saysWriting, writing } from '../render/writing.ts';
import { askLong } from '../transport/ask-long.ts';
import { type Verified, verification } from '../transport/replies.ts';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';

export const verifyVerb: Verb = {
  name: 'verify',
  positionals: [],
  summary: 'checks that log and journal are complete and undamaged',
  details: [
    'Checks hashes, positions, every event, that states equal their replay, and the blocks of the journal.',
    '--repair, with --data and no router running, rebuilds caches, and cuts a damaged log after its last good event.',
    'The repaired log is a new file; the old one is kept.',
  ],
  options: { repair: { description: 'repair it (only with --data)' }, ...READ_OPTIONS },
  run,
};

const checking = z.object({ checking: z.string(), done: z.number(), of: z.number() });
const progress = z.union([checking, writing]);

async function run(context: Context): Promise<ExitCode> {
  const { args, print, io } = context;
  // SQLite checks the file of a large log for many seconds without a pause, and only what is read may be left as it is.
  if (args.flag('data') && !args.flag('repair')) io.endOnInterrupt();
  const body = args.flag('repair') ? { body: { repair: true } } : {};
  const found = await askLong(context, {
    ask: { method: 'POST', path: ['v1', 'verify'], ...body },
    answer: verification,
    progress,
    say: (step) =>
      'checking' in step ? `checking the ${step.checking}: ${step.done} of ${step.of}` : saysWriting(step),
    first: args.flag('repair') ? 'checking and mending the file' : 'checking the file',
  });
  const { ok, events = 0, findings = [], cut } = found;
  if (print.json) await print.value(found);
  else {
    for (const line of repairLines(found.repaired)) await print.line(clean(line));
    for (const finding of findings) {
      const where = `position ${finding.position} of ${finding.stream}`;
      await print.line(
        clean(`${finding.type} at ${where}: expected ${finding.expected}, found ${finding.found}`),
      );
    }
    const { damaged = [] } = found.journal ?? {};
    for (const file of damaged) await print.line(clean(`damaged in the journal: ${file}`));
    const many = cut ? `${findings.length} or more findings` : plural(findings.length, 'finding');
    const checked = plural(events, 'event');
    await print.line(ok ? `${checked}, all as written` : `${checked} checked, ${many}`);
  }
  return ok ? 0 : 1;
}

function repairLines(repaired: Verified['repaired']): string[] {
  if (repaired === undefined) return [];
  if (repaired.type === 'rebuilt') return ['current rows and snapshots were made again from the events'];
  if (repaired.type !== 'cut') return ['there was nothing to repair'];
  const { because, after, last, kept } = repaired;
  const done =
    after === last ? `written anew, up to its last position ${after}` : `cut after position ${after}`;
  return [`${because}`, `${done}; the log as it was is kept as ${kept}`];
}
