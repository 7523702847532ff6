/**
 * Harms the files of a log and of a journal, byte by byte, and holds what is read, told, begun and repaired after it against what was
 * written:
 *   node bench/fuzz-damage.ts [--every N] [--seconds N] [--seed N]
 * Each of them is gone through in steps of N bytes, 1 for all, for so many seconds at most; where a byte is flipped the file is also cut.
 * Exits with 1 and prints each place where something else was read, or something missing was not told.
 */
import { parseArgs } from 'node:util';
import { HarmedLog } from '../test/eventlog/harmed-log.ts';
import { HarmedJournal } from '../test/eventlog/journal/harmed-journal.ts';
import { MendedLog } from '../test/eventlog/mended-log.ts';
import { Chance } from '../test/support/chance.ts';
import { type Harm, LEAST_LEFT } from '../test/support/harm.ts';

type Scene = { readonly bytes: number; suffer(harm: Harm): unknown };

const { values } = parseArgs({
  options: {
    every: { type: 'string', default: '997' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
  },
});
const every = Number(values.every);
const chance = new Chance(Number(values.seed));
let finds = 0;

for (const kind of ['file', 'wal'] as const) {
  await using log = await HarmedLog.make(kind);
  await sweep(`log, ${kind}`, log);
  for (const begins of ['anew', 'archived'] as const) {
    await using mended = await MendedLog.make(kind, begins);
    await sweep(`repair of a log begun ${begins}, ${kind}`, mended);
  }
  using journal = new HarmedJournal(kind);
  await sweep(`journal, ${kind}`, journal);
}
process.exitCode = finds === 0 ? 0 : 1;

async function sweep(name: string, scene: Scene): Promise<void> {
  const untilMs = performance.now() + Number(values.seconds) * 1000;
  let tried = 0;
  let at = chance.below(every);
  for (; at < scene.bytes && performance.now() < untilMs; at += every, tried += 2) {
    await trial(name, scene, { type: 'flip', at, mask: 1 + chance.below(255) });
    await trial(name, scene, { type: 'cut', at: Math.max(at, LEAST_LEFT) });
  }
  const reached = at >= scene.bytes ? 'to the end' : `up to byte ${at}`;
  process.stdout.write(`${name}: ${tried} harms of ${scene.bytes} bytes, ${reached}\n`);
}

async function trial(name: string, scene: Scene, harm: Harm): Promise<void> {
  try {
    await scene.suffer(harm);
  } catch (error) {
    finds += 1;
    const what = `${name}: ${harm.type} at ${harm.at}${harm.type === 'flip' ? ` with mask ${harm.mask}` : ''}`;
    process.stdout.write(`${what}: ${error instanceof Error ? error.message.split('\n')[0] : error}\n`);
  }
}
