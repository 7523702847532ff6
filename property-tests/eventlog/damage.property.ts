import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { HarmedLog } from '../../test/eventlog/harmed-log.ts';
import { HarmedJournal } from '../../test/eventlog/journal/harmed-journal.ts';
import { harms } from '../../test/support/harm.ts';

describe('whichever byte is flipped, and wherever a file is cut', () => {
  it.each([
    ['file', 340],
    ['wal', 90],
  ] as const)('a log goes on with all of it, or it is told: its %s', async (kind, numRuns) => {
    await using log = await HarmedLog.make(kind);
    const law = fc.asyncProperty(harms(log), (harm) => log.suffer(harm));
    await fc.assert(law, { numRuns });
  });

  it.each(['file', 'wal'] as const)(
    'a journal is read as written, or it is told: the %s of a segment',
    (kind) => {
      using journal = new HarmedJournal(kind);
      const law = fc.property(harms(journal), (harm) => journal.suffer(harm));
      fc.assert(law, { numRuns: 60 });
    },
  );
});
