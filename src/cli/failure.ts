/** The two ways in which a command fails: wrong usage, or a refusal. */

/** Exit status 2. `hint` is a second line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Exit status 1. Every line is for the user. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
  readonly lines: readonly string[];
  /** Printed on standard output with `--json`. */
  readonly json: unknown;
  constructor(lines: readonly string[], json?: unknown) {
    super(lines[0] ?? 'failed');
    this.lines = lines;
    this.json = json ?? { error: lines.join('\n') };
  }
}
