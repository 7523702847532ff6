/** `state`: all routing, now or at a past moment, in the shape of a config file. */
import { type StateEntry, stateJson } from '../../history/index.ts';
import { Meter } from '../render/meter.ts';
import { yamlOf } from '../render/yaml.ts';
import { entriesOf } from '../transport/entries.ts';
import { stateEntry } from '../transport/replies.ts';
import { type Context, type ExitCode, READ_OPTIONS, SCOPE_OPTIONS, scopeOf, type Verb } from '../verb.ts';

export const stateVerb: Verb = {
  name: 'state',
  positionals: [],
  summary: 'prints all pools and domains, as a file that apply takes',
  options: {
    at: { value: 'SEQ|TIME', description: 'as it was at this position, or at this time (RFC 3339)' },
    ...SCOPE_OPTIONS,
    ...READ_OPTIONS,
  },
  run,
};

async function run(context: Context): Promise<ExitCode> {
  const { args, print, io } = context;
  const query = { at: args.text('at'), ...scopeOf(args) };
  const entries = entriesOf(context, { method: 'GET', path: ['v1', 'state'], query }, stateEntry);
  let isWhole = true;
  const told = telling(entries, (why) => {
    isWhole = false;
    print.note(`not in this state: ${why}`);
  });
  // On a terminal the text itself shows how far it is; into a file, that of a million domains takes a minute.
  const shown = io.stdout.isTTY === true ? told : counted(told, new Meter(context));
  await print.pour(print.json ? stateJson(shown) : fileOf(shown));
  if (print.json) await print.line('');
  // Applying this output would remove what is missing from it.
  return isWhole ? 0 : 1;
}

/** Passes the entries on and reports why a stream could not be read. */
async function* telling(
  entries: AsyncIterable<StateEntry>,
  onUnread: (why: string) => void,
): AsyncGenerator<StateEntry> {
  for await (const entry of entries) {
    const { unreadable } = (entry as { note?: { unreadable?: string } }).note ?? {};
    if (unreadable !== undefined) onUnread(unreadable);
    yield entry;
  }
}

async function* counted(entries: AsyncIterable<StateEntry>, meter: Meter): AsyncGenerator<StateEntry> {
  let count = 0;
  try {
    for await (const entry of entries) {
      if ('pool' in entry || 'domain' in entry) {
        count += 1;
        meter.show(() => `${count} pools and domains`);
      }
      yield entry;
    }
  } finally {
    meter.clear();
  }
}

type Section = 'pools' | 'domains';

/** Runtime state is not a setting, so it is printed as comments at the end of the file. */
async function* fileOf(entries: AsyncIterable<StateEntry>): AsyncGenerator<string> {
  const missing: Section[] = ['pools', 'domains'];
  for await (const entry of entries) {
    if ('position' in entry) yield `# position ${entry.position}\n`;
    else if ('note' in entry) {
      for (const section of missing.splice(0)) yield `${section}: {}\n`;
      yield `# ${JSON.stringify(entry.note)}\n`;
    } else if ('pool' in entry) yield* under('pools', entry.pool, entry.settings, missing);
    else yield* under('domains', entry.domain, entry.settings, missing);
  }
  for (const section of missing) yield `${section}: {}\n`;
}

/** The section's own line comes before its first entry. */
function* under(section: Section, name: string, settings: object, missing: Section[]): Generator<string> {
  const text = yamlOf({ [section]: Object.fromEntries([[name, settings]]) });
  const own = text.indexOf('\n') + 1;
  const begun = missing.indexOf(section);
  if (begun === -1) yield text.slice(own);
  else {
    for (const absent of missing.splice(0, begun + 1).slice(0, -1)) yield `${absent}: {}\n`;
    yield text;
  }
}
