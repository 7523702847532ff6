/** `check`: a config file, with no router anywhere. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { command } from '../command.ts';

const directory = mkdtempSync(join(tmpdir(), 'switchyard-check-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(text: string, name = 'switchyard.yaml'): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const SOUND = `
pools: { web: { backends: { web.1: { address: "127.0.0.1:9001" }, web.2: { address: "127.0.0.1:9002" } } }, api: {} }
domains: { shop.example: { pool: web } }
`;

it('says what a valid file has', async () => {
  const path = file(SOUND);
  expect(await command(['check', path])).toEqual({
    code: 0,
    out: `${path} is valid: 2 pools with 2 backends, 1 domain\n`,
    err: '',
  });
  const { out } = await command(['check', '-', '--json'], { stdin: SOUND });
  expect(JSON.parse(out)).toEqual({ pools: 2, backends: 2, domains: 1 });
});

it.each([
  ['drainMs: soon', 'drainMs: expected a whole number from 0 to 86400000, found "soon"'],
  ['domains: { a.example: { pool: web } }', 'domains["a.example"].pool: expected the name of a pool'],
  [
    'pools: { web: { backends: { a: { address: "127.0.0.1:8080" } } } }',
    'which is our own listener 0.0.0.0:8080',
  ],
  ['pools: {\n', 'switchyard.yaml:2:1: expected YAML'],
])('refuses %s as serve would', async (text, said) => {
  const { code, err } = await command(['check', file(text)]);
  expect(code).toBe(1);
  expect(err).toContain(said);
});

it('takes a token from where serve would', async () => {
  const path = file('admin: { address: "0.0.0.0:8081" }');
  expect((await command(['check', path])).err).toContain('admin.token: expected a token');
  expect((await command(['check', path, '--token-file', file('secret', 'token')])).code).toBe(0);
});
