/** The states of all streams in a base, in order of name, with at most one page in memory. */
import type { Kept, LogInspection, StoredCurrent } from '../log-reader.ts';

const PAGE = 1000;
const CHARACTERS = 1_048_576;

export function* baseStatesOf(
  log: Pick<LogInspection, 'baseStates'>,
): Generator<Kept<StoredCurrent>, undefined> {
  for (let after = ''; ; ) {
    const page = log.baseStates(after, PAGE, CHARACTERS);
    yield* page;
    const last = page.at(-1)?.stream ?? '';
    // The index of a damaged file may lead backwards.
    if (last <= after) return;
    after = last;
  }
}
