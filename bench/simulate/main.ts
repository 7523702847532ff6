/** Writes docs/routing-quality.md and its charts: `node bench/simulate/main.ts [--share 1] [--out docs]`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { report } from './report.ts';

const { values } = parseArgs({
  options: { share: { type: 'string', default: '1' }, out: { type: 'string', default: 'docs' } },
});

const files = await report(Number(values.share), (done) => process.stderr.write(`${done}\n`));
for (const [name, content] of files) writeFileSync(join(values.out, name), content);
