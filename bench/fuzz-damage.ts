/**
 * Harms the files of a log and of a journal, byte by byte, and holds what is read, told and begun after it against what was written:
 *   node bench/fuzz-damage.ts [--every N] [--seconds N] [--seed N]
 * Each of them is gone through in steps of N bytes, 1 for all, for so many seconds at most; where a byte is flipped the file is also cut.
 * Exits with 1 and prints each place where something else was read, or something missing was not told.
 */
import { parseArgs } from 'node:util';
import { HarmedLog } from '../test/eventlog/harmed-log.ts';
import { HarmedJournal } from '../test/eventlog/journal/harmed-journal.ts';
import { Chance } from '../test/support/chance.ts';

type Scene = {
  readonly bytes: number;
  readonly lastChangeAt: number;
  readonly with: (change: (bytes: Buffer) => Buffer, isTold: boolean) => Promise<void> | void;
};

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
  await sweep(`log, ${kind}`, kind, log);
  using journal = new HarmedJournal(kind);
  await sweep(`journal, ${kind}`, kind, journal);
}
process.exitCode = finds === 0 ? 0 : 1;

async function sweep(name: string, kind: 'file' | 'wal', scene: Scene): Promise<void> {
  const untilMs = performance.now() + Number(values.seconds) * 1000;
  let tried = 0;
  let at = chance.below(every);
  for (; at < scene.bytes && performance.now() < untilMs; at += every, tried += 2) {
    const place = at;
    const mask = 1 + chance.below(255);
    const isTold = kind === 'file' || place < scene.lastChangeAt;
    await trial(`${name}: byte ${place} with mask ${mask}`, () =>
      scene.with((bytes) => {
        bytes[place]! ^= mask;
        return bytes;
      }, isTold),
    );
    await trial(`${name}: cut at ${place}`, () =>
      scene.with((bytes) => bytes.subarray(0, place), kind === 'file'),
    );
  }
  const reached = at >= scene.bytes ? 'to the end' : `up to byte ${at}`;
  process.stdout.write(`${name}: ${tried} harms of ${scene.bytes} bytes, ${reached}\n`);
}

async function trial(what: string, run: () => Promise<void> | void): Promise<void> {
  try {
    await run();
  } catch (error) {
    finds += 1;
    process.stdout.write(`${what}: ${error instanceof Error ? error.message.split('\n')[0] : error}\n`);
  }
}
