import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { MendedLog } from '../../test/eventlog/mended-log.ts';
import { type Harm, harms } from '../../test/support/harm.ts';

describe('whichever byte is flipped, and wherever a file is cut', () => {
  it.each([
    // Found so far: the nineteenth event says that it is the eleventh; the stream of a row is no text.
    ['file', 'anew', 60, [{ at: 62_562, mask: 160 }]],
    ['file', 'archived', 30, [{ at: 18_561, mask: 247 }]],
    ['wal', 'anew', 20, []],
    ['wal', 'archived', 10, []],
  ] as const)(
    'a repair loses only what cannot be read, and tells it; what it cannot mend it leaves: the %s of a log begun %s',
    async (kind, begins, numRuns, found) => {
      await using log = await MendedLog.make(kind, begins);
      const law = fc.asyncProperty(harms(log), async (harm) => void (await log.suffer(harm)));
      const examples = found.map((flip): [Harm] => [{ type: 'flip', ...flip }]);
      await fc.assert(law, { numRuns, examples });
    },
  );
});
