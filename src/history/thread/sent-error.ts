/** Errors across threads: errors that are distinguished by class keep their class. */
import { DataUnusable, EventUnreadable, LogUnavailable } from '../../../eventlog/index.ts';
import { Unanswerable } from '../unanswerable.ts';
import type { SentError } from './messages.ts';

export function sentError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined, own: {} };
  const { name, message, stack } = error;
  return { name, message, stack, own: ownOf(error) };
}

export function receivedError({ name, message, stack, own }: SentError): Error {
  const member = <T>(key: string) => own[key] as T;
  switch (name) {
    case 'Unanswerable':
      return new Unanswerable(member('word'), message, member('members'));
    case 'EventUnreadable': {
      const { position, stream } = own as { position: number; stream: string };
      return new EventUnreadable(position, stream, message.slice(`event ${position} of ${stream}: `.length));
    }
    case 'LogUnavailable':
      return new LogUnavailable(member('code'), message);
    case 'DataUnusable':
      return new DataUnusable(member('code'), message);
    default:
      return Object.assign(new Error(message), { name, stack });
  }
}

function ownOf(error: Error): Record<string, unknown> {
  if (error instanceof Unanswerable) return { word: error.word, members: error.members };
  if (error instanceof EventUnreadable) return { position: error.position, stream: error.stream };
  if (error instanceof LogUnavailable || error instanceof DataUnusable) return { code: error.code };
  return {};
}
