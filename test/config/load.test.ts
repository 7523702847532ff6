/** Config files as they lie on a disk: three kinds, each with its own ways of being wrong. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, MAX_FILE_BYTES, readConfigFile, readText } from '../../src/config/load.ts';
import { renderProblems } from '../../src/config/problem.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'switchyard-config-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const lines = async (path: string) => {
  const read = await readConfigFile(path);
  return read.ok ? [] : renderProblems(read.problems, 'FILE');
};

const told = (text: string, extension: string) => {
  const read = readText(text, extension);
  return read.ok ? [] : renderProblems(read.problems, 'FILE');
};

const TOO_MANY =
  'FILE: expected aliases that stand for at most 5000000 values, found some that stand for more';

const keys = (count: number, value: string) =>
  Array.from({ length: count }, (_, index) => `k${index}: ${value}`).join('\n');

const merges = (count: number) =>
  Array.from({ length: count }, (_, at) => `m${at + 1}: &m${at + 1} {<<: [*m${at}, *m${at}]}`).join('\n');

describe('of a token that is not written well', () => {
  const SECRET = 's3cret-0123';
  const JSONS = [
    `{"admin": {"token": ${SECRET}}}`,
    `{"admin": {"token":\n '${SECRET}'}}`,
    `{"admin": {"token" "${SECRET}"}}`,
    `{"admin": {"token": "${SECRET}\n"}}`,
    `{"admin": {"token": "a, {mytoken"${SECRET}"}}`,
    `{admin: {"token":"${SECRET}"}}`,
  ];
  const YAMLS = [
    `admin: {token: !${SECRET} x}`,
    `admin:\n  token: *${SECRET}\n`,
    `admin:\n  token:\n    *${SECRET} x\n`,
    `admin:\n  token: |${SECRET}\n`,
    `admin:\n  !x {token: ${SECRET}}\n`,
    `admin:\n  {token: ${SECRET}}: 1\n`,
    `*.example.com: {token: ${SECRET}}\n`,
  ];
  it.each([
    ...JSONS.map((text) => [text, '.json'] as const),
    ...YAMLS.map((text) => [text, '.yaml'] as const),
  ])('it is told that it is wrong, and not what it is: %j', (text, extension) => {
    const [line = ''] = told(text, extension);
    expect(line).toMatch(/^FILE:\d+:\d+: expected .*, found ./);
    expect(line).not.toContain(SECRET.slice(0, 3));
  });

  it('what stands around it is told', () => {
    const [of, after] = ['{"token": "x", "data": .}', 'admin:\n  token: x\ndata: !a b\n'];
    expect(told(of, '.json')).toEqual(['FILE:1:24: expected JSON, found ".}"']);
    expect(told(after, '.yaml')).toEqual(['FILE:3:7: expected YAML without tags of its own, found "!a b"']);
  });
});

describe('loadConfig', () => {
  it.each([
    ['a.json', '{"data": "./x"}'],
    ['a.yaml', 'data: ./x\n'],
    ['a.yml', '# a comment\n"data": ./x'],
    ['a.ts', 'const data: string = "./x";\nexport default { data };\n'],
    ['a.mjs', 'export default { data: "./x" };\n'],
    ['a.conf', '\n {"data": "./x"}'],
    ['b.conf', 'data: ./x'],
    ['bom.json', '\ufeff{"data": "./x"}'],
  ])('reads %s', async (name, text) => {
    expect(await loadConfig(file(name, text))).toMatchObject({
      ok: true,
      value: { data: './x', drainMs: 30_000 },
    });
  });

  it('shares settings by YAML anchors and merges', async () => {
    const text = `
pools:
  a: &shared { policy: random, backends: { a.1: { address: "127.0.0.1:1" } } }
  b: { <<: *shared, whenEmpty: hold }
`;
    const loaded = await loadConfig(file('anchors.yaml', text));
    expect(loaded.ok && loaded.value.routing?.pools.get('b' as never)).toEqual({
      settings: { policy: 'random', whenEmpty: 'hold' },
      backends: new Map([['a.1', { address: '127.0.0.1:1' }]]),
    });
  });

  it.each([
    ['again.mjs', 'export default'],
    ['again.ts', 'export default'],
    ['again.cjs', 'module.exports ='],
    ['again.js', 'module.exports ='],
    ['again.cts', 'module.exports ='],
  ])('sees %s as it is now, not as it was read before', (name, word) => {
    const path = file(name, '');
    // In a process of its own: here modules are not loaded by Node.
    const program = `
      const { loadConfig } = await import(process.argv[1]);
      const { writeFileSync } = await import('node:fs');
      for (const data of ['./one', './two']) {
        writeFileSync(process.argv[2], \`\${process.argv[3]} { data: "\${data}" };\`);
        console.log((await loadConfig(process.argv[2])).value.data);
      }`;
    const load = join(import.meta.dirname, '../../src/config/load.ts');
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', program, load, path, word]);
    expect(String(said)).toBe('./one\n./two\n');
  });

  it('tells where the fault is in what it read', async () => {
    const loaded = await loadConfig(file('wrong.yaml', 'drainMs: soon\n'));
    expect(loaded).toMatchObject({ ok: false, problems: [{ path: 'drainMs', found: '"soon"' }] });
  });
});

describe('a text that is no JSON', () => {
  it.each([
    ['{"a": 1,\n "b" 2}', 'FILE:2:6: expected JSON, found "2}"'],
    ['{"a": 1,\n "b": ', 'FILE:2:7: expected JSON, found the end of the text'],
    ['', 'FILE:1:1: expected JSON, found the end of the text'],
    ['{"a": 1,}', 'FILE:1:9: expected JSON, found "}"'],
    ["{'a': 1}", 'FILE:1:2: expected JSON, found "\'a\': 1}"'],
  ])('%j is refused with line and column', (text, message) => {
    expect(told(text, '.json')).toEqual([message]);
  });

  it.each([
    ['{"a": 1, "a": 2}', 'FILE:1:10: a: expected each key once, found it a second time'],
    [
      '{"pools": {},\n "x": [{}, {"b": {"c": "}", "d": "\\"", "c": 1}}]}',
      'FILE:2:40: x[1].b.c: expected each key once, found it a second time',
    ],
    ['{"a": 1, "\\u0061": 2}', 'FILE:1:10: a: expected each key once, found it a second time'],
  ])('%j is refused because a key stands twice', (text, message) => {
    expect(told(text, '.json')).toEqual([message]);
  });

  it.each([
    ['in one object', `{${'"a":1,'.repeat(250_000)}"b":1}`, 'FILE:1:8: a: expected each key once, '],
    [
      'deep within others',
      `${'{"a":'.repeat(20_000)}{${'"b":1,'.repeat(20_000)}"c":1}${'}'.repeat(20_000)}`,
      `FILE:1:100008: a${'.a'.repeat(31)}: expected each key once, `,
    ],
    [
      'in one with a long name',
      `${`{"${'n'.repeat(20_000)}":`.repeat(16)}{${'"b":1,'.repeat(100_000)}"c":1}${'}'.repeat(16)}`,
      `FILE:1:320072: ["${'n'.repeat(80)}…"]`,
    ],
  ])('ever so many keys that stand twice %s are told at once', (_title, text, message) => {
    expect(told(text, '.json')[0]?.startsWith(message)).toBe(true);
  });

  it('the same key in different objects is no repetition', () => {
    expect(told('{"a": {"x": 1}, "b": [{"x": ","}, {"x": {"x": "a"}}]}', '.json')).toEqual([]);
  });
});

describe('a text that is no YAML', () => {
  it.each([
    ['a: 1\nb: [1, 2\n', /^FILE:3:1: expected YAML, found a mistake: flow sequence .*/],
    ['a: 1\n  b: 2\n', /^FILE:\d+:\d+: expected YAML, found /],
    ['a: 1\nb: 1\na: 2\n', /^FILE:3:1: expected each key once, found "a" a second time$/],
    ['"a b": {c: 1, c: 2}\n\'a b\': 1', /^FILE:1:15: expected each key once, found "c" a second time$/],
    ['"a b": 1\n\'a b\': 2', /^FILE:2:1: expected each key once, found "a b" a second time$/],
    [
      'domains:\n  *.example.com: { pool: web }\n',
      /^FILE:2:\d+: expected YAML, in which a name that begins with \* stands in quotes, found "\*\.example\.com: /,
    ],
    ['a: 1\n---\nb: 2\n', /^FILE:2:1: expected one YAML document, found a second one$/],
    ['a:\n\tb: 1\n', /^FILE:2:1: expected spaces before a key, found a tab$/],
    ['a: !include b.yaml\n', /^FILE:1:4: expected YAML without tags of its own, found "!include b.yaml"$/],
    ['a: 1\n? [b, c]\n: 2\n', /^FILE:2:3: expected a name as a key, found "\[b, c\]"$/],
    ['a: 1\nb: *c\n', /^FILE:2:4: expected an anchor &c above it, .*, found \*c$/],
    ['a: {<<: 1}\n', /^FILE: expected a mapping after <<, or an alias of one, found something else$/],
    ['# nothing yet\n', /^FILE: expected YAML, found an empty text$/],
  ])('%j is refused with line and column', (text, message) => {
    const found = told(text, '.yaml');
    expect(found[0]).toMatch(message);
  });

  it('aliases that multiply beyond bounds are refused', () => {
    const levels = Array.from({ length: 9 }, (_, level) => {
      const inner =
        level === 0
          ? 'x'
          : Array(9)
              .fill(`*a${level - 1}`)
              .join(', ');
      return `a${level}: &a${level} [${inner}]`;
    });
    expect(told(levels.join('\n'), '.yaml')).toEqual([TOO_MANY]);
  });

  it.each([
    ['of much', `a: &a [${'x,'.repeat(100_000)}]\n${keys(60, '*a')}`],
    ['merged again and again', `m0: &m0 {a: 1}\n${merges(30)}`],
    ['of what they stand in', 'a: &a\n  b: *a\n'],
  ])('aliases %s are refused', (_title, text) => {
    expect(told(text, '.yaml')).toEqual([TOO_MANY]);
  });

  it('one anchor may be used by ever so many', () => {
    const read = readText(`x: &x {a: &a {b: 1}, c: *a}\n${keys(2000, '{<<: *x}')}`, '.yaml');
    expect(read).toMatchObject({ ok: true, value: { k1999: { a: { b: 1 }, c: { b: 1 } } } });
  });

  it.each([
    ['names', keys(40_000, '{pool: web}'), []],
    ['names that stand twice', `a: {${'b: 1, '.repeat(40_000)}b: 1}`, ['FILE:1:11: expected each key once']],
    ['aliases', `a: &a {pool: web}\n${keys(95_000, '*a')}`, []],
    ['merges', `a: &a {pool: web}\n${keys(95_000, '{<<: *a, maintenance: true}')}`, []],
    ['mistakes', '%a: [b, "c\n'.repeat(100_000), ['FILE:100001:1: expected YAML, found a mistake']],
  ])('of ever so many %s is told at once', (_title, text, first) => {
    expect(told(text, '.yaml').slice(0, 1)).toEqual(first.map((line) => expect.stringContaining(line)));
  });

  it('nesting that exhausts the stack is refused', () => {
    expect(told('['.repeat(100_000) + ']'.repeat(100_000), '.yaml')[0]).toMatch(
      /^FILE.*: expected YAML.*, found deeper nesting than can be read$/,
    );
  });
});

describe('a file that cannot be read', () => {
  it('does not exist', async () => {
    expect(await lines(join(directory, 'none.yaml'))).toEqual([
      'FILE: expected a readable file, found no such file',
    ]);
    expect(await lines(join(directory, 'none.ts'))).toEqual([
      'FILE: expected a readable file, found no such file',
    ]);
  });

  it('is a directory', async () => {
    expect(await lines(directory)).toEqual(['FILE: expected a readable file, found a directory']);
  });

  it('is larger than 64 MiB, by a byte', async () => {
    const path = file('large.json', '');
    truncateSync(path, MAX_FILE_BYTES + 1);
    expect(await lines(path)).toEqual([
      'FILE: expected a file of at most 67108864 bytes, found 67108865 bytes',
    ]);
  });

  it('has no end', async () => {
    expect(await lines('/dev/zero')).toEqual(['FILE: expected a file of at most 67108864 bytes, found more']);
  });

  it('is a module that is too large, or a directory', async () => {
    const path = file('large.mjs', '');
    truncateSync(path, MAX_FILE_BYTES + 1);
    expect(await lines(path)).toEqual([
      'FILE: expected a file of at most 67108864 bytes, found 67108865 bytes',
    ]);
    mkdirSync(join(directory, 'folder.ts'));
    expect(await lines(join(directory, 'folder.ts'))).toEqual([
      'FILE: expected a readable file, found a directory',
    ]);
  });

  it('is not text', async () => {
    expect(await lines(file('bytes.yaml', Uint8Array.of(0x61, 0xff)))).toEqual([
      'FILE: expected UTF-8 text, found other bytes',
    ]);
  });

  it('is a module that throws, does not parse, imports what is not there, or exports nothing by default', async () => {
    expect(await lines(file('throws.mjs', 'throw new Error("no database");'))).toEqual([
      'FILE: expected a module that loads, found Error: no database',
    ]);
    expect((await lines(file('syntax.mjs', 'export default {')))[0]).toMatch(
      /expected a module that loads, found \w*Error: /,
    );
    expect((await lines(file('imports.mjs', 'import "./nowhere.mjs";')))[0]).toMatch(
      /found Error: Cannot find module/,
    );
    expect(await lines(file('named.mjs', 'export const data = 1;'))).toEqual([
      'FILE: expected a default export, found a module without one',
    ]);
  });

  it('is a named pipe that gives its text only once', async () => {
    const path = join(directory, 'pipe.json');
    execFileSync('mkfifo', [path]);
    const writing = import('node:fs/promises').then((fs) => fs.writeFile(path, '{"data": "./x"}'));
    expect(await loadConfig(path)).toMatchObject({ ok: true, value: { data: './x' } });
    await writing;
  });
});
