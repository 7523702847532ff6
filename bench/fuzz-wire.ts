/**
 * Holds the readers of src/wire against llhttp on mutated messages:
 *   node bench/fuzz-wire.ts [--count N] [--seed N]
 * Exits with 1 and prints each input on which they differ, so that it can go into test/wire/corpus.
 */
import { parseArgs } from 'node:util';
import { fuzz } from '../test/wire/fuzz.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
});
const startedAt = performance.now();
const report = fuzz(Number(values.count), Number(values.seed));
const seconds = (performance.now() - startedAt) / 1000;
for (const find of report.finds) process.stdout.write(`${JSON.stringify(find)}\n`);
process.stdout.write(
  `${report.tried} inputs, ${report.accepted} accepted, ${report.incomplete} incomplete, ` +
    `${report.finds.length} finds, seed ${values.seed}, ${seconds.toFixed(1)} s\n`,
);
process.exitCode = report.finds.length === 0 ? 0 : 1;
