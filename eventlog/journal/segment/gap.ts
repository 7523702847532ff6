/** A time of which the journal has not everything. */
export type Gap = {
  readonly run: number;
  /**
   * `stopped`: nothing ran · `overflow`: the writer fell behind, or could not write · `discarded`: it could not read the
   * rings.
   */
  readonly cause: 'stopped' | 'overflow' | 'discarded';
  readonly fromMs: number;
  readonly toMs: number;
  /** Records lost in the gap; undefined: unknown. */
  readonly requests: number | undefined;
  readonly operations: number | undefined;
};
