/** Whether two settled values are the same. Both are sparse settings, whose keys stand in sorted order. */
export function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
