/** `diff`: the settings that differ between two moments of the past. */

import type { Change, DifferenceRendering } from '../../config/index.ts';
import { type DifferenceEntry, differenceJson } from '../../history/index.ts';
import { Meter } from '../render/meter.ts';
import { renderingOn } from '../render/rendered.ts';
import { entriesOf } from '../transport/entries.ts';
import { differenceEntry } from '../transport/replies.ts';
import { type Context, type ExitCode, READ_OPTIONS, SCOPE_OPTIONS, scopeOf, type Verb } from '../verb.ts';
import { checkMoment } from '../words/arguments.ts';

export const diffVerb: Verb = {
  name: 'diff',
  positionals: ['FROM', '[TO]'],
  summary: 'prints the settings that differ between two positions or times; TO defaults to now',
  details: [
    'A time is written as in RFC 3339: 2026-01-31T14:00:00Z.',
    'Quarantines and drain deadlines are not settings, since they expire by themselves; state shows them.',
  ],
  options: { ...SCOPE_OPTIONS, ...READ_OPTIONS },
  run,
};

async function run(context: Context): Promise<ExitCode> {
  const { args, print } = context;
  const [from, to] = args.positionals;
  if (from !== undefined) checkMoment('FROM', from);
  if (to !== undefined) checkMoment('TO', to);
  const query = { from, to, ...scopeOf(args) };
  const meter = new Meter(context);
  meter.show(() => 'comparing the two moments');
  const found = entriesOf(context, { method: 'GET', path: ['v1', 'diff'], query }, differenceEntry);
  const entries = meter.until(found);
  await print.pour(print.json ? differenceJson(entries) : textOf(entries, renderingOn(print)));
  if (print.json) await print.line('');
  return 0;
}

async function* textOf(
  entries: AsyncIterable<DifferenceEntry>,
  rendering: DifferenceRendering,
): AsyncGenerator<string> {
  for await (const entry of entries) {
    if ('from' in entry) yield `# position ${entry.from} to ${entry.to}\n`;
    else yield `${rendering.linesOf(entry as Change).join('\n')}\n`;
  }
  yield `${rendering.end()}\n`;
}
