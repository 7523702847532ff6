/** The answer to every command: the version, and the position of the log at which it is in force. */
import type { Answer } from '../../../actors/index.ts';
import { rejected } from './problem.ts';
import { json, type Reply } from './reply.ts';

export type Done = Extract<Answer, { type: 'done' }>;

/** 201 if it did not exist before, otherwise 200. */
export function receipt(answer: Answer): Reply {
  if (answer.type === 'rejected') return rejected(answer.rejection);
  const headers = { ...positionHeader(answer), etag: etag(answer.version) };
  return json(facts(answer), headers, answer.created ? 201 : 200);
}

/** A removed resource has no representation and no tag. */
export function removalReceipt(answer: Done): Reply {
  return { type: 'empty', status: 204, headers: positionHeader(answer) };
}

export function facts({ version, position, changed }: Done) {
  return { version, position, changed };
}

export function positionHeader({ position }: Done): Record<string, string> {
  return { 'switchyard-position': String(position) };
}

// RFC 9110 §8.8.3: a strong tag, since equal versions are equal settings.
export function etag(version: number): string {
  return `"${version}"`;
}
