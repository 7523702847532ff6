/** Statuses as they are written in settings: 503, or a range such as 500-599. */

/** `to` is among them; it may be below `from` in a log from before that was refused, and then nothing is. */
export function statusRange(text: number | string): { readonly from: number; readonly to: number } {
  const [from, to] = `${text}`.split('-');
  return { from: Number(from), to: Number(to ?? from) };
}
