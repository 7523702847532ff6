/** Whether two parsed values are equal. Both must have their keys in the same order, as sparse settings do. */
export function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
