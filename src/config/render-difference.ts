/**
 * A difference for people: one line per thing that is added (+), removed (-) or changed (~), with its settings below.
 */
import type { Change, Field } from './difference.ts';

/** Marks a line according to its kind; returns it unchanged if the output is not a terminal. */
export type Paint = (mark: Mark, line: string) => string;
export type Mark = '+' | '-' | '~';

const MARKS = { add: '+', remove: '-', change: '~' } as const satisfies Record<Change['change'], Mark>;
const plain: Paint = (_mark, line) => line;

export function renderDifference(changes: readonly Change[], paint: Paint = plain): string[] {
  const rendering = new DifferenceRendering(paint);
  return [...changes.flatMap((change) => rendering.linesOf(change)), rendering.end()];
}

/** Renders changes one by one. */
export class DifferenceRendering {
  readonly #paint: Paint;
  readonly #counts = { add: 0, change: 0, remove: 0 };
  readonly #removed = { domain: 0, pool: 0, backend: 0 };

  constructor(paint: Paint) {
    this.#paint = paint;
  }

  linesOf(change: Change): string[] {
    this.#counts[change.change] += 1;
    if (change.change === 'remove') this.#removed[change.kind] += 1;
    return renderChange(change, this.#paint);
  }

  /** The counts of each kind. */
  end(): string {
    const { add, change, remove } = this.#counts;
    if (add + change + remove === 0) return 'no difference';
    const { domain, pool, backend } = this.#removed;
    const parts = [plural(domain, 'domain'), plural(pool, 'pool'), plural(backend, 'backend')];
    const removed = remove === 0 ? '' : ` (${parts.join(', ')})`;
    return `${add} to add, ${change} to change, ${remove} to remove${removed}`;
  }
}

function renderChange(change: Change, paint: Paint): string[] {
  const mark = MARKS[change.change];
  const name = change.kind === 'backend' ? `${change.pool}/${change.name}` : change.name;
  const lines = [`${mark} ${change.kind} ${name}`];
  // What is removed is named, not described: its settings are in the log.
  if (change.change !== 'remove')
    lines.push(...change.fields.map((field) => `    ${renderField(change, field)}`));
  return lines.map((line) => paint(mark, line));
}

function renderField(change: Change, field: Field): string {
  if (change.change === 'add') return `${field.path}: ${value(field.after)}`;
  return `${field.path}: ${value(field.before)} → ${value(field.after)}`;
}

export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

// 200 characters: an error page may be 64 KiB, and this is for people to read.
function value(found: unknown): string {
  const text = typeof found === 'string' && /^[\w.:/[\]*-]+$/.test(found) ? found : JSON.stringify(found);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
