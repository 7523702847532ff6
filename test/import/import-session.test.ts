import { describe, expect, it } from 'vitest';
import type { Packed } from '../../eventlog/append/happened.ts';
import { ImportSession } from '../../src/import/import-session.ts';

const packed: Packed = { first: 1, last: 1, types: [], streams: 'domain-a.test', presence: '+', appends: [] };

describe('an import that has the log', () => {
  it('has its thread go on in the turn that it has, also where that is over and the next one asked for', async () => {
    const goes: number[] = [];
    const session = new ImportSession(1, { go: (turn) => goes.push(turn), wanted: () => {} });
    session.turn = 1;
    const writes = session.writes();
    const first = writes.next();
    session.wrote({ packed, isLast: false });
    expect((await first).done).toBe(false);
    // While the first is put in force.
    session.wrote({ packed, isLast: false });
    session.wrote({ packed, isLast: true });
    session.turn = 2;
    for await (const _ of writes);
    expect(goes).toEqual([1, 1, 1, 1]);
  });
});
