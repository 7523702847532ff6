/** A file made the truth, against the real admin API. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Scene, scene } from '../../admin/scene.ts';
import { type Circumstances, command } from '../command.ts';

let directory: string;
let stage: Scene;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'switchyard-apply-'));
  stage = await scene();
});
afterEach(async () => {
  await stage[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

function file(text: string, name = 'routing.yaml'): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const apply = (path: string, flags = '', circumstances?: Circumstances) =>
  command(
    ['apply', path, ...flags.split(' ').filter((word) => word !== ''), '--admin', stage.address],
    circumstances,
  );

const WEB = `
listeners: [{ address: "0.0.0.0:80" }]
admin: { address: "0.0.0.0:8081" }
pools:
  web: { policy: random, backends: { web.1: { address: "127.0.0.1:9001" } } }
domains:
  Example.com: { pool: web }
`;

const many = (count: number): string => {
  const domains = Array.from({ length: count }, (_, at) => `  d${at}.example: { pool: web }`);
  return `pools: { web: {} }\ndomains:\n${domains.join('\n')}\n`;
};

describe('apply', () => {
  it('prints the difference and where it came into force', async () => {
    expect(await apply(file(WEB))).toEqual({
      code: 0,
      err: '',
      out: [
        '+ pool web',
        '    policy: random',
        '+ backend web/web.1',
        '    address: 127.0.0.1:9001',
        '+ domain example.com',
        '    pool: web',
        '3 to add, 0 to change, 0 to remove',
        'in force at position 3',
        '',
      ].join('\n'),
    });
  });

  it('changes nothing the second time', async () => {
    await apply(file(WEB));
    expect((await apply(file(WEB))).out).toBe('no difference\nin force at position 3\n');
    expect(await stage.log.position()).toBe(3);
  });

  it('changes nothing in a dry run', async () => {
    const { code, out } = await apply(file(WEB), '--dry-run');
    expect(code).toBe(0);
    expect(out).toMatch(/3 to add, 0 to change, 0 to remove\n$/);
    expect(await stage.log.position()).toBe(0);
  });

  it('reads standard input', async () => {
    const { code } = await apply('-', '', { stdin: '{"pools": {"web": {}}}' });
    expect(code).toBe(0);
    expect((await stage.client.get('/v1/pools/web')).status).toBe(200);
  });

  it('takes no standard input in another encoding for what it is not', async () => {
    const stdin = Buffer.from('{"pools": {"web": {}}, "domains": {"b\xfccher.example": {}}}', 'latin1');
    expect(await apply('-', '', { stdin })).toEqual({
      code: 1,
      out: '',
      err: 'switchyard: standard input: expected UTF-8 text, found other bytes\n',
    });
  });

  it('refuses to remove much unasked, shows what it would have done, and does it when allowed', async () => {
    await apply(file(many(20)));
    const fewer = file(many(5));
    const refused = await apply(fewer);
    expect(refused.code).toBe(1);
    expect(refused.out).toMatch(/^- domain d10\.example\n/);
    expect(refused.err).toMatch(
      /^switchyard: expected at most 10 of 20 domains to be removed, found 15; --allow-removals 15 allows it\n$/,
    );
    const tried = await apply(fewer, '--dry-run');
    expect(tried).toMatchObject({
      code: 1,
      err: expect.stringContaining('would be refused: expected at most 10'),
    });
    expect((await apply(fewer, '--allow-removals 14')).code).toBe(1);
    expect((await apply(fewer, '--allow-removals 15')).code).toBe(0);
    expect((await stage.client.get<{ items: [] }>('/v1/domains')).body.items).toHaveLength(5);
  });

  it('answers machines with the changes', async () => {
    const { out } = await apply(file(WEB), '--json');
    expect(JSON.parse(out)).toMatchObject({
      dryRun: false,
      position: 3,
      changes: [{ kind: 'pool', name: 'web', change: 'add' }, { kind: 'backend' }, { kind: 'domain' }],
    });
  });

  it.each([
    ['drainMs: soon\npools: {}', 'drainMs: expected a whole number'],
    ['pools:\n  web: { polcy: random }', 'pools.web.polcy: expected one of the keys'],
    ['domains:\n  example.com: { pool: web }', 'domains["example.com"].pool: expected the name of a pool'],
    ['drainMs: 5', 'expected pools and domains, found neither'],
    ['', 'expected YAML, found an empty text'],
    ['a: [', '1:5: expected YAML, found '],
  ])('tells what is wrong in %j, and asks the router nothing', async (text, message) => {
    const { code, out, err } = await apply(file(text));
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(`switchyard: ${directory}/routing.yaml:`);
    expect(err).toContain(message);
    expect(stage.logged).toEqual([]);
  });

  it('tells machines what is wrong as an error and place by place', async () => {
    const { code, out } = await apply(file('drainMs: soon\npools: {}'), '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({
      error: expect.stringContaining('routing.yaml: drainMs: expected a whole number'),
      problems: [expect.objectContaining({ path: 'drainMs', found: '"soon"' })],
    });
  });

  it('colours the difference on a terminal, unless told not to', async () => {
    const path = file(WEB);
    const coloured = await apply(path, '--dry-run', { tty: true });
    expect(coloured.out).toContain('\x1b[32m+ pool web\x1b[39m');
    expect((await apply(path, '--dry-run', { tty: true, mayColour: false })).out).not.toContain('\x1b');
    expect((await apply(path, '--dry-run')).out).not.toContain('\x1b');
  });
});
