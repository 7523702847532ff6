import { describe, expect, it } from 'vitest';
import { type Family, isOpenMetrics, render } from '../../src/telemetry/prometheus.ts';

const REQUESTS: Family = {
  name: 'switchyard_requests',
  type: 'counter',
  help: 'Requests that ended.',
  samples: [
    { labels: { pool: 'web', code: '2xx' }, value: 3 },
    { labels: { pool: 'a"b\\c\nd', code: 'H11' }, value: 0 },
  ],
};

const WAIT: Family = {
  name: 'switchyard_wait_seconds',
  type: 'histogram',
  help: 'Waiting.',
  samples: [{ labels: { pool: 'web' }, bounds: [0.001, 1], counts: [2, 3, 1], sum: 4.5 }],
};

describe('the exposition format 0.0.4', () => {
  it('names a counter with its _total, and escapes what a label may hold', () => {
    const { text, contentType } = render([REQUESTS]);
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toBe(
      [
        '# HELP switchyard_requests_total Requests that ended.',
        '# TYPE switchyard_requests_total counter',
        'switchyard_requests_total{pool="web",code="2xx"} 3',
        'switchyard_requests_total{pool="a\\"b\\\\c\\nd",code="H11"} 0',
        '',
      ].join('\n'),
    );
  });

  it('adds up the buckets of a histogram', () => {
    expect(render([WAIT]).text).toBe(
      [
        '# HELP switchyard_wait_seconds Waiting.',
        '# TYPE switchyard_wait_seconds histogram',
        'switchyard_wait_seconds_bucket{pool="web",le="0.001"} 2',
        'switchyard_wait_seconds_bucket{pool="web",le="1.0"} 5',
        'switchyard_wait_seconds_bucket{pool="web",le="+Inf"} 6',
        'switchyard_wait_seconds_sum{pool="web"} 4.5',
        'switchyard_wait_seconds_count{pool="web"} 6',
        '',
      ].join('\n'),
    );
  });

  it('writes what is no finite number as the format says', () => {
    const samples = [NaN, Infinity, -Infinity, 1e21].map((value, n) => ({ labels: { n: String(n) }, value }));
    const { text } = render([{ name: 'switchyard_x', type: 'gauge', help: 'x', samples }]);
    expect(text.match(/ \S+$/gm)?.slice(2)).toEqual([' NaN', ' +Inf', ' -Inf', ' 1e+21']);
  });

  it('keeps a sample without labels bare, and a family without samples to its header', () => {
    const { text } = render([
      { name: 'switchyard_up', type: 'gauge', help: 'a\nb', samples: [{ value: 1 }] },
      { name: 'switchyard_none', type: 'gauge', help: '', samples: [] },
    ]);
    expect(text).toBe(
      '# HELP switchyard_up a\\nb\n# TYPE switchyard_up gauge\nswitchyard_up 1\n' +
        '# HELP switchyard_none \n# TYPE switchyard_none gauge\n',
    );
  });

  it.each(['switchyard_x_total', 'Switchyard', 'a-b', ''])(
    'refuses the name %j, which is our mistake',
    (name) => {
      expect(() => render([{ name, type: 'gauge', help: 'x', samples: [] }])).toThrow();
    },
  );
});

describe('OpenMetrics', () => {
  it('names the family without _total and says where it ends', () => {
    const { text, contentType } = render([REQUESTS], true);
    expect(contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(text).toContain(
      '# TYPE switchyard_requests counter\nswitchyard_requests_total{pool="web",code="2xx"} 3\n',
    );
    expect(text.endsWith('\n# EOF\n')).toBe(true);
  });

  it.each([
    ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1', true],
    ['text/plain, application/openmetrics-text', true],
    ['application/openmetrics-text;q=0', false],
    ['application/openmetrics-text;q=0.0, text/plain', false],
    ['text/plain', false],
    ['*/*', false],
    ['', false],
  ])('is what %j asks for: %s', (accept, wanted) => {
    expect(isOpenMetrics(accept)).toBe(wanted);
  });
});
