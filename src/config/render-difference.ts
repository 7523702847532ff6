/** A difference as people read it: one line a thing that comes (+), goes (-) or changes (~), its settings below. */
import type { Change, Field } from './difference.ts';
import { removalsOf } from './removals.ts';

/** Marks a line by what it says; the identity where there is no terminal. */
export type Paint = (mark: Mark, line: string) => string;
export type Mark = '+' | '-' | '~';

const MARKS = { add: '+', remove: '-', change: '~' } as const satisfies Record<Change['change'], Mark>;
const plain: Paint = (_mark, line) => line;

export function renderDifference(changes: readonly Change[], paint: Paint = plain): string[] {
  if (changes.length === 0) return ['no difference'];
  return [...changes.flatMap((change) => renderChange(change, paint)), summary(changes)];
}

function renderChange(change: Change, paint: Paint): string[] {
  const mark = MARKS[change.change];
  const name = change.kind === 'backend' ? `${change.pool}/${change.name}` : change.name;
  const lines = [`${mark} ${change.kind} ${name}`];
  // What goes is named, not described: its settings are in the log for whoever wants them back.
  if (change.change !== 'remove')
    lines.push(...change.fields.map((field) => `    ${renderField(change, field)}`));
  return lines.map((line) => paint(mark, line));
}

function renderField(change: Change, field: Field): string {
  if (change.change === 'add') return `${field.path}: ${value(field.after)}`;
  return `${field.path}: ${value(field.before)} → ${value(field.after)}`;
}

function summary(changes: readonly Change[]): string {
  const count = { add: 0, change: 0, remove: 0 };
  for (const { change } of changes) count[change] += 1;
  const gone = removalsOf(changes);
  const parts = [
    plural(gone.domains, 'domain'),
    plural(gone.pools, 'pool'),
    plural(gone.backends, 'backend'),
  ];
  const removed = count.remove === 0 ? '' : ` (${parts.join(', ')})`;
  return `${count.add} to add, ${count.change} to change, ${count.remove} to remove${removed}`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

// 200 characters: an error page is 64 KiB, and a listing is for the eye.
function value(found: unknown): string {
  const text = typeof found === 'string' && /^[\w.:/[\]*-]+$/.test(found) ? found : JSON.stringify(found);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
