/** The progress of a file that is made from a log, in words. */
import { z } from 'zod';

export const writing = z.object({ writing: z.string(), done: z.number(), of: z.number() });

const UNITS: Readonly<Record<string, string>> = {
  base: 'what came before: ',
  events: 'events: ',
  owners: 'what they come to: ',
  rows: 'current rows and snapshots: ',
  journal: 'segments of the journal: ',
};

export function saysWriting({ writing: what, done, of }: z.output<typeof writing>): string {
  if (what === 'file') return `taking the file: ${mib(done)} of ${mib(of)} MiB`;
  return `writing ${UNITS[what] ?? ''}${done} of ${of}`;
}

function mib(bytes: number): string {
  return (bytes / 1_048_576).toFixed(0);
}
