import { describe, expect, it } from 'vitest';
import { createProcessLog, type LogLevel } from '../../src/telemetry/process-log.ts';

function captured(level: LogLevel = 'info') {
  const lines: Record<string, unknown>[] = [];
  const log = createProcessLog({
    level,
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  return { log, lines };
}

describe('the process log', () => {
  it('is a line of JSON for each thing told, with level, time and message', () => {
    const { log, lines } = captured();
    log.info({ admin: '127.0.0.1:8081' }, 'ready');
    expect(lines).toMatchObject([{ level: 'info', msg: 'ready', admin: '127.0.0.1:8081', pid: process.pid }]);
    expect(lines[0]?.['time']).toMatch(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/);
  });

  it('leaves out what is below its level', () => {
    const { log, lines } = captured('warn');
    log.info('no');
    log.warn('yes');
    expect(lines.map((line) => line['msg'])).toEqual(['yes']);
  });

  it('never writes a secret, however deep within reason', () => {
    const { log, lines } = captured();
    const secret = 's3cret';
    log.info({ token: secret, authorization: secret, admin: { token: secret } }, 'one');
    log.info(
      {
        request: { headers: { authorization: secret, cookie: secret } },
        config: { admin: { token: secret } },
      },
      'two',
    );
    expect(lines).toHaveLength(2);
    expect(JSON.stringify(lines)).not.toContain(secret);
    expect(lines[1]).toMatchObject({ config: { admin: { token: '[redacted]' } } });
  });

  it('never writes a secret of an error or of a list, and leaves what it was given as it is', () => {
    const { log, lines } = captured();
    const secret = 's3cret';
    const failed = Object.assign(new Error('failed'), { request: { cookie: secret, path: '/' } });
    const told = { err: failed, tries: [{ token: secret, count: 1 }], at: new Date(0) };
    log.error(told, 'one');
    expect(lines).toMatchObject([
      {
        err: { message: 'failed', request: { cookie: '[redacted]', path: '/' } },
        tries: [{ token: '[redacted]', count: 1 }],
        at: '1970-01-01T00:00:00.000Z',
      },
    ]);
    expect(lines[0]?.['tries']).toBeInstanceOf(Array);
    expect(failed.request.cookie).toBe(secret);
    expect(told.tries).toEqual([{ token: secret, count: 1 }]);
  });

  it('tells an error with its cause', () => {
    const { log, lines } = captured();
    log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed');
    expect(lines[0]).toMatchObject({ level: 'error', err: { message: expect.stringContaining('outer') } });
    expect(JSON.stringify(lines[0])).toContain('inner');
  });
});
