/** The note for people that a part of the log is archived. */

export const READ_THE_ARCHIVE = 'read them with --data FILE, the file that archive wrote';

export function archivedNote(upTo: number): string {
  return `positions up to ${upTo} are archived, and not in this log; ${READ_THE_ARCHIVE}`;
}
