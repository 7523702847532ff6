/** `query`: read-only SQL over log and journal. */
import { z } from 'zod';
import { archivedNote } from '../render/archived-note.ts';
import { renderTable } from '../render/table.ts';
import { type Context, type ExitCode, READ_OPTIONS, type Verb } from '../verb.ts';

const value = z.union([z.null(), z.number(), z.string()]);
const answer = z.looseObject({
  columns: z.array(z.string()),
  rows: z.array(z.array(value)),
  truncated: z.boolean(),
  /** Events up to this position were asked for but are archived. */
  archived: z.int().optional(),
  /** The unreadable parts of the journal. */
  damaged: z.array(z.string()).optional(),
});

export const queryVerb: Verb = {
  name: 'query',
  positionals: ['SQL'],
  summary: 'queries log and journal in SQL',
  details: [
    'Views: v1_events, v1_requests, v1_attempts and v1_leases. Each takes a range: v1_requests(SINCE, UNTIL).',
  ],
  options: {
    since: { value: 'SEQ|TIME', description: 'ignore everything before' },
    until: { value: 'SEQ|TIME', description: 'ignore everything after' },
    limit: { value: 'N', description: 'at most N rows (1000; up to 10000)' },
    ...READ_OPTIONS,
  },
  run,
};

async function run({ args, admin, print }: Context): Promise<ExitCode> {
  const [sql] = args.positionals;
  const limit = args.count('limit', 1, 10_000);
  const client = await admin();
  const body = { sql, since: args.text('since'), until: args.text('until'), limit };
  const { columns, rows, truncated, archived, damaged } = await client.ask(
    { method: 'POST', path: ['v1', 'query'], body },
    answer,
  );
  if (print.json) await print.value({ columns, rows, truncated, archived, damaged });
  else await print.lines(renderTable(columns, rows));
  if (truncated && !print.json)
    print.note(`only the first ${rows.length} rows are shown (--limit, and 8 MiB)`);
  if (archived !== undefined) print.note(archivedNote(archived));
  for (const file of damaged ?? []) print.note(`damaged in the journal, and left out: ${file}`);
  return 0;
}
