/** Spans of time as people write them: `500ms`, `60s`, `5m`, `1h`. */
import { quoted } from '../../../eventlog/index.ts';
import { UsageError } from '../failure.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DAY_MS = 86_400_000;

export function durationMs(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, number = '', unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (ms >= 1 && ms <= DAY_MS) return ms;
  throw new UsageError(`--${flag}: expected a time such as 60s or 5m, at most a day, found ${quoted(text)}`);
}
