import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessLog, type AccessLogEntry, jsonLine, logfmtLine } from '../../src/telemetry/access-log.ts';
import { eventually } from '../support/eventually.ts';

const ENTRY: AccessLogEntry = {
  endedAtMs: Date.UTC(2026, 0, 31, 14, 3, 0, 7) + 0.25,
  sock: '',
  at: 'info',
  code: '',
  desc: '',
  cause: '',
  method: 'GET',
  path: '/a?b=c',
  host: 'app.test',
  requestId: '01a1fddf-3f88-8001-baeb-0000000aae60',
  fwd: '10.0.0.1, 127.0.0.1',
  dyno: 'web.1',
  connectMs: 0.4,
  serviceMs: 12.6,
  status: 200,
  bytes: 303,
  protocol: 'http1.1',
  outcome: 'responded',
  pool: 'web',
  waitMs: -1,
  route: -1,
  affinity: '',
};

describe('a line of logfmt', () => {
  it('has its fields in the order of Heroku’s routers', () => {
    expect(logfmtLine(ENTRY)).toBe(
      'at=info method=GET path="/a?b=c" host=app.test request_id=01a1fddf-3f88-8001-baeb-0000000aae60 ' +
        'fwd="10.0.0.1, 127.0.0.1" dyno=web.1 connect=0ms service=13ms status=200 bytes=303 protocol=http1.1 ' +
        'outcome=responded pool=web\n',
    );
  });

  it('names pool, wait, route and affinity last, where there are any', () => {
    expect(logfmtLine({ ...ENTRY, waitMs: 20_000.4, route: 0, affinity: 'home' })).toMatch(
      / outcome=responded pool=web wait=20000ms route=0 affinity=home\n$/,
    );
    expect(JSON.parse(jsonLine({ ...ENTRY, waitMs: 0.2, route: 3 }))).toMatchObject({
      pool: 'web',
      wait: 0,
      route: 3,
    });
    expect(jsonLine({ ...ENTRY, pool: '' })).not.toMatch(/route|wait|pool/);
  });

  it('names socket, code, description and cause where there are any, and leaves empty what never was', () => {
    const line = logfmtLine({
      ...ENTRY,
      sock: 'client',
      at: 'warning',
      code: 'H26',
      desc: 'Request Error',
      cause: 'bad header',
      dyno: '',
      connectMs: -1,
      serviceMs: -1,
      bytes: -1,
    });
    expect(line).toMatch(
      /^sock=client at=warning code=H26 desc="Request Error" cause="bad header" method=GET /,
    );
    expect(line).toMatch(/ dyno= connect= service= status=200 bytes= protocol=/);
  });

  it('cannot be forged by what a client sends', () => {
    const text = fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    });
    fc.assert(
      fc.property(text, text, text, (path, host, method) => {
        const line = logfmtLine({ ...ENTRY, path, host, method });
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(fieldsOf(line)).toMatchObject({
          at: 'info',
          method,
          path,
          host,
          status: '200',
          outcome: 'responded',
        });
      }),
    );
  });
});

/** A reader of logfmt of its own. */
function fieldsOf(line: string): Record<string, string> {
  const fields: Record<string, string> = {};
  const field = /([a-z_]+)=("(?:[^"\\]|\\.)*"|[^ "]*)(?: |\n$)/gy;
  for (const [, name = '', value = ''] of line.matchAll(field)) {
    if (name in fields) throw new Error(`${name} twice in ${line}`);
    fields[name] = value.startsWith('"') ? (JSON.parse(value) as string) : value;
  }
  return fields;
}

it('a line of JSON says the same, and when the request ended', () => {
  const line = JSON.parse(jsonLine({ ...ENTRY, connectMs: -1, path: '/"\n' })) as Record<string, unknown>;
  expect(line).toMatchObject({
    time: '2026-01-31T14:03:00.007Z',
    at: 'info',
    path: '/"\n',
    connect: null,
    service: 13,
    status: 200,
    bytes: 303,
  });
});

it('a line of JSON has no character that a terminal obeys', () => {
  const fwd = '\u009b31m, \x7f1.2.3.4, é';
  const line = jsonLine({ ...ENTRY, fwd });
  expect(line.trimEnd()).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
  expect(JSON.parse(line)).toMatchObject({ fwd });
});

describe('the log', () => {
  it('writes many lines at once, and soon', async () => {
    const written: string[] = [];
    const log = new AccessLog('logfmt', (text) => written.push(text));
    for (let i = 0; i < 10; i++) log.record(ENTRY);
    expect(written).toEqual([]);
    await eventually(() => written.length === 1, 'a batch');
    expect(written[0]?.split('\n').length).toBe(11);
    for (let i = 0; i < 400; i++) log.record(ENTRY);
    expect(written.length).toBeGreaterThan(1);
    log.flush();
    expect(written.join('').split('\n').length).toBe(411);
  });
});
