/** The process log for the operator: JSON lines on standard output, without secrets. */
import { type DestinationStream, type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino';

export type ProcessLog = Logger;

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const SECRETS = new Set(['token', 'authorization', 'proxy-authorization', 'cookie', 'set-cookie']);
// How deep secrets are looked for: the logged object, what it holds, and what that holds.
const LEVELS = 3;

export type ProcessLogOptions = {
  readonly level: LogLevel;
  readonly destination: DestinationStream;
};

export function createProcessLog({ level, destination }: ProcessLogOptions): ProcessLog {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    // Our own redaction: pino's of any key takes 8 µs and 37 KB a line, a third of all the garbage of a command.
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (line: object) => withoutSecrets(line, LEVELS) as Record<string, unknown>,
    },
    serializers: { err: (error: Error) => withoutSecrets(stdSerializers.err(error), LEVELS - 1) },
  };
  return pino(options, destination);
}

/** Returns the same object if nothing in it is secret. */
function withoutSecrets(thing: unknown, levels: number): unknown {
  // Errors are handled by their serializer, which first makes a plain object.
  if (levels === 0 || typeof thing !== 'object' || thing === null || thing instanceof Error) return thing;
  let copy: Record<string, unknown> | undefined;
  for (const [key, value] of Object.entries(thing)) {
    const told = SECRETS.has(key) ? '[redacted]' : withoutSecrets(value, levels - 1);
    if (told === value) continue;
    copy ??= copyOf(thing);
    copy[key] = told;
  }
  return copy ?? thing;
}

function copyOf(thing: object): Record<string, unknown> {
  return Object.assign(Array.isArray(thing) ? [] : {}, thing) as Record<string, unknown>;
}
