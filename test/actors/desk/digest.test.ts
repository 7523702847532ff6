/** Digests are kept in logs: whoever asks again under an id of yesterday's is known by them. */
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../actors/index.ts';
import type { Json } from '../../../eventlog/index.ts';

const WISH = {
  type: 'Apply',
  allowRemovals: 0,
  pools: {
    '10': {},
    '9': { backends: { b: { address: 'h:1' } } },
    web: { policy: 'random', maxConcurrency: 3 },
  },
  domains: {
    'b.example': { pool: 'web' },
    'a.example': { pool: '9', headers: { response: { 'x-b': '1', 'x-a': '2' } } },
  },
};
const KNOWN: readonly (readonly [string, unknown, string])[] = [
  ['a word', 'serve', '-ctbTMXAApRqXKREJtTbj73wugLQhQzMuVMzhoby3nw'],
  ['a number', 1, 'a4ayc_80_OGda4BO_1o_V0etpOqiLx1JwB5S3beHW0s'],
  ['null', null, 'dCNOmK_nSY-12vHzasLXiswzlGT5UHA7jAGYkvmCuQs'],
  ['a list', [3, { b: 1, a: [{ d: 1, c: 2 }] }], 'Wvfazv0egSvfHXdyR7M0By5Lg5lPuD_0M7YuckmfLk0'],
  ['nothing', {}, 'RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o'],
  ['members', { b: { z: 1, a: 'ü' }, a: {} }, 'HEZdifC6cyBmDanWZUj2pjEC7oXCBfp6FRIlYyTZbwk'],
  ['a whole routing', WISH, 'DyVm_NF5JcmZUClBrPEXBEHwCiTjBTldpTWjk2DRiDU'],
  [
    'what is not said',
    { a: undefined, b: { c: undefined, d: [undefined] } },
    '_Wz_2JEJFCcdp8HQCfO1m18hOdluiNHuuHi05078S6o',
  ],
  [
    'what has no UTF-8',
    { type: 'PutDomain', host: '\u{1F600}\ud800', settings: { pool: '"\\' } },
    'K0lqJFYQQgdxsqem2rjBofi6TU2bcdZPgvImLd9o3dY',
  ],
];

describe('the digest', () => {
  it.each(KNOWN)('of %s is what it was', (_, wish, digest) => {
    expect(digestOf(wish as Json)).toBe(digest);
  });

  it('is the same in whatever order the keys are written, at every depth', () => {
    const { pools, domains, ...rest } = WISH;
    const turned = {
      domains: {
        'a.example': { headers: { response: { 'x-a': '2', 'x-b': '1' } }, pool: '9' },
        'b.example': domains['b.example'],
      },
      pools: { web: { maxConcurrency: 3, policy: 'random' }, '9': pools['9'], '10': {} },
      ...rest,
    };
    expect(digestOf(turned)).toBe(digestOf(WISH));
  });

  it('of a text in many pieces is that of the whole', () => {
    const domains = Object.fromEntries(
      Array.from({ length: 5000 }, (_, n) => [`é-${n}.example`, { pool: 'web' }]),
    );
    const reversed = Object.fromEntries(Object.entries(domains).reverse());
    expect(digestOf({ domains })).toBe('E08hyWxTsh87KxNT08hherJUB8sn34oQpVNFupWICK8');
    expect(digestOf({ domains: reversed })).toBe('E08hyWxTsh87KxNT08hherJUB8sn34oQpVNFupWICK8');
  });
});
