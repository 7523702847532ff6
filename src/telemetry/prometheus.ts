/** Metrics as text: Prometheus exposition format 0.0.4, or OpenMetrics 1.0.0 for clients that ask for it. */
import assert from 'node:assert/strict';

export type Labels = Readonly<Record<string, string>>;

export type Family =
  | {
      /** `switchyard_…`, with its unit; a counter's without `_total`, which rendering adds. */
      readonly name: string;
      /** A summary has quantiles only. */
      readonly type: 'counter' | 'gauge' | 'summary';
      readonly help: string;
      readonly samples: readonly { readonly labels?: Labels; readonly value: number }[];
    }
  | {
      readonly name: string;
      readonly type: 'histogram';
      readonly help: string;
      readonly samples: readonly HistogramSample[];
    };

export type HistogramSample = {
  readonly labels?: Labels;
  /** Ascending upper bounds. `counts` has one more entry, for larger values, and is not cumulative. */
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
};

export type Rendered = { readonly text: string; readonly contentType: string };

const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** Whether an Accept header names OpenMetrics; a scraper that accepts it lists it first. */
export function isOpenMetrics(accept: string): boolean {
  return /(?:^|,)\s*application\/openmetrics-text\b(?![^,]*;\s*q=0(?:\.0*)?\s*(?:,|;|$))/i.test(accept);
}

export function render(families: readonly Family[], openMetrics = false): Rendered {
  const blocks = families.map((family) => block(family, openMetrics));
  if (!openMetrics) return { text: blocks.join(''), contentType: PROMETHEUS };
  return { text: `${blocks.join('')}# EOF\n`, contentType: OPEN_METRICS };
}

function block(family: Family, openMetrics: boolean): string {
  assert.match(family.name, NAME, 'a metric has a plain name');
  assert.ok(
    !family.name.endsWith('_total'),
    `${family.name}: expected a name without _total, which rendering adds`,
  );
  const sample = family.type === 'counter' ? `${family.name}_total` : family.name;
  // In the older format a family has the name of its samples.
  const header = openMetrics ? family.name : sample;
  const lines = [`# HELP ${header} ${escapedHelp(family.help)}`, `# TYPE ${header} ${family.type}`];
  if (family.type === 'histogram')
    for (const one of family.samples) lines.push(...histogramLines(sample, one));
  else
    for (const { labels, value } of family.samples)
      lines.push(`${sample}${labelText(labels)} ${numberText(value)}`);
  return `${lines.join('\n')}\n`;
}

function histogramLines(name: string, { labels, bounds, counts, sum }: HistogramSample): string[] {
  assert.equal(counts.length, bounds.length + 1, `${name}: one count more than bounds`);
  let below = 0;
  const lines = counts.map((count, index) => {
    below += count;
    const le = index === bounds.length ? '+Inf' : canonicalBound(bounds[index]!);
    return `${name}_bucket${labelText({ ...labels, le })} ${below}`;
  });
  return [
    ...lines,
    `${name}_sum${labelText(labels)} ${numberText(sum)}`,
    `${name}_count${labelText(labels)} ${below}`,
  ];
}

const NAME = /^[a-z_][a-z0-9_]*$/;
const LABEL = /^[a-z_][a-z0-9_]*$/;

function labelText(labels: Labels = {}): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return '';
  const parts = entries.map(([name, value]) => {
    assert.match(name, LABEL, 'a label has a plain name');
    return `${name}="${escapedLabel(value)}"`;
  });
  return `{${parts.join(',')}}`;
}

function escapedLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

// OpenMetrics requires escaped quotes in help, and the older format would show the backslash: so quotes are replaced.
function escapedHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', "'");
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

// OpenMetrics §"Considerations: Canonical Numbers": bounds are floats, so 1 is written 1.0.
function canonicalBound(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}
