/** What the process tells its operator: JSON lines on standard output, without secrets. */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';

export type ProcessLog = Logger;

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

// Wherever an object with one of these is logged, as itself or one level inside.
const SECRETS = ['token', 'authorization', 'proxy-authorization', 'cookie', 'set-cookie'];

export type ProcessLogOptions = {
  readonly level: LogLevel;
  readonly destination: DestinationStream;
};

export function createProcessLog({ level, destination }: ProcessLogOptions): ProcessLog {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRETS.flatMap(pathsOf), censor: '[redacted]' },
  };
  return pino(options, destination);
}

function pathsOf(secret: string): string[] {
  const key = `["${secret}"]`;
  return [key, `*${key}`, `*.*${key}`];
}
