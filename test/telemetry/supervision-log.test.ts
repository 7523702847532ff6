import { expect, it } from 'vitest';
import type { SupervisionEvent } from '../../actors/index.ts';
import { createProcessLog } from '../../src/telemetry/process-log.ts';
import { supervisionLog } from '../../src/telemetry/supervision-log.ts';

type Happened = Partial<SupervisionEvent> & Pick<SupervisionEvent, 'type'>;

function told(...events: Happened[]): string[] {
  const lines: string[] = [];
  const write = (line: string) => {
    const { level, msg, err } = JSON.parse(line) as { level: string; msg: string; err?: Error };
    lines.push([level, msg, ...(err === undefined ? [] : [err.message])].join(' | '));
  };
  const tell = supervisionLog(createProcessLog({ level: 'info', destination: { write } }));
  for (const event of events) tell({ id: 'log', kind: 'log', atMs: 0, ...event } as SupervisionEvent);
  return lines;
}

const crash = (why: string, id = 'log') => ({ type: 'crashed', id, error: new Error(why) }) as const;
const park = (why: string) => ({ ...crash(why), type: 'parked', retryAtMs: 5, parkings: 1 }) as const;
const restart = (restarts: number) => ({ type: 'restarted', restarts }) as const;

it('tells once of who fails again and again for one reason, until it runs again', () => {
  const again = Array.from({ length: 1000 }, () => [crash('no such file'), park('no such file')]).flat();
  expect(told(crash('a bug'), ...again, crash('not allowed'), restart(1001), crash('not allowed'))).toEqual([
    'error | log crashed | a bug',
    'error | log crashed | no such file',
    'error | log parked | no such file',
    'error | log crashed | not allowed',
    'warn | log restarted',
    'error | log crashed | not allowed',
  ]);
});

it('tells of each actor by itself', () => {
  expect(told(crash('gone', 'worker:1'), crash('gone', 'worker:2'), crash('gone', 'worker:1'))).toEqual([
    'error | worker:1 crashed | gone',
    'error | worker:2 crashed | gone',
  ]);
});
