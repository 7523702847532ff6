/** Changes on trial in the log: stored beside the answers of commands, under ids that say what became of each. */
import type { Json, LogInspection, Position } from '../../../eventlog/index.ts';

export type Trial = {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly untilMs: number;
  /** Positions of the log before the change, and with it. */
  readonly before: Position;
  readonly position: Position;
};

// The prefixes of command ids, followed by the trial's id. No Idempotency-Key contains a space, so nobody else can use
// such an id.
export const ON_TRIAL = 'confirm-within ';
export const CONFIRMED = 'confirmed ';
export const UNDONE = 'undone ';

const PAGE = 1000;

/** Undefined if nothing was changed: then there is nothing to undo. */
export function trialOf(commandId: string, position: Position, answer: Json): Trial | undefined {
  const { note } = answer as { readonly note?: { readonly untilMs: number; readonly before: Position } };
  if (note === undefined || note.before === position) return undefined;
  return { id: commandId.slice(ON_TRIAL.length), untilMs: note.untilMs, before: note.before, position };
}

/** Trials that are neither confirmed nor undone. */
export function* trialsIn(
  log: Pick<LogInspection, 'storedCommand' | 'storedCommands'>,
): Generator<Trial, void> {
  for (let after = ''; ; ) {
    const page = log.storedCommands(ON_TRIAL, after, PAGE);
    for (const { commandId, position, answer } of page) {
      const trial = trialOf(commandId, position, JSON.parse(answer));
      const decided = (word: string) => log.storedCommand(word + trial?.id) !== undefined;
      if (trial !== undefined && !decided(CONFIRMED) && !decided(UNDONE)) yield trial;
    }
    if (page.length < PAGE) return;
    after = page.at(-1)?.commandId ?? after;
  }
}
