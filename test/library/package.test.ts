/** The package as somebody else gets it: packed, unpacked, and used by a plain JavaScript and a TypeScript program. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  dependencies: { [name: string]: string };
  optionalDependencies: { [name: string]: string };
};
const run = promisify(execFile);

const PLAIN = `
import { createServer } from 'node:http';
import { createSwitchyard, refuse } from 'switchyard';

const backend = createServer((request, response) => response.end('backend of ' + request.headers.host));
await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve));
const router = createSwitchyard({
  listeners: [{ address: '127.0.0.1:0' }],
  decisions: {
    checkout: (domain) => (domain === '127.0.0.1' ? { host: '127.0.0.1', port: backend.address().port } : refuse('app_blank')),
  },
});
const [address] = await router.listen();
const response = await fetch('http://' + address + '/');
console.log(response.status, await response.text());
const embedded = createSwitchyard({ listeners: [{ address: '127.0.0.1:0' }] });
await embedded.listen();
await embedded.desk.putPool('web', {});
console.log(Object.keys((await embedded.desk.routing()).pools).join());
await embedded.close();
await router.close();
backend.close();
backend.closeAllConnections();
`;

const TYPED = `
import { createSwitchyard, refuse, type Switchyard } from 'switchyard';

type Backend = { readonly host: string; readonly port: number; busy: number };
const backends: Backend[] = [];

export const router: Switchyard = createSwitchyard({
  decisions: {
    init: () => ({ tried: 0 }),
    lookupDomain: (host) => ({ domain: { name: host } }),
    checkout: (domain, { state }) => (state.tried++ < 2 ? backends.find(() => domain.name !== '') : undefined) ?? refuse('none'),
    backendOf: (service) => ({ host: service.host, port: service.port }),
    checkin: (domain, service, phase) => { if (phase === 'connecting') service.busy--; domain.name.trim(); },
  },
});

createSwitchyard({
  decisions: {
    lookupDomain: (host) => (host === 'old.test' ? { redirect: 'new.test' } : { domain: { name: host } }),
    checkout: (domain) => backends.find(() => domain.name !== '') ?? refuse('none'),
  },
});

createSwitchyard({
  decisions: {
    lookupDomain: (host) => ({ domain: host.length }),
    // @ts-expect-error: the domain is a number
    checkout: (domain) => domain.toUpperCase(),
  },
});
`;

/** What a program exports has types that its own declarations can name. */
const DECLARED = `
import { type CommandRefused, createSwitchyard, type InvalidOptions } from 'switchyard';

export const router = createSwitchyard({ listeners: [{ address: '127.0.0.1:0' }] });
export const desk = router.desk;
export const events = router.events();
export const routing = () => desk.routing();
export const pool = async () => (await routing()).pools['web'];
export const domain = async () => (await routing()).domains['app.test'];
export const backend = async () => (await pool())?.backends['web.1'];
export const metrics = () => router.metrics();
export const times = () => metrics().pools['web'];
export const waits = () => times()?.wait;
export const first = () => new Promise<Parameters<Parameters<typeof router.onEvents>[0]>[0]>((given) => router.onEvents(given));
export const one = async () => (await first()).find(({ type }) => type === 'BackendAdded');
export const told = async () => { const event = (await first())[0]; return { data: event?.data, stream: event?.stream, by: event?.metadata }; };
export const added = async () => { const event = await one(); return event?.type === 'BackendAdded' ? event : undefined; };
export const refused = (error: CommandRefused) => error.rejection;
export const invalid = (error: InvalidOptions) => error.problems;
`;

const COMMON = `
const { createSwitchyard, refuse } = require('switchyard');
const router = createSwitchyard({ listeners: [{ address: '127.0.0.1:0' }], decisions: { checkout: () => refuse('none', { status: 507 }) } });
router.listen().then(async ([address]) => {
  console.log((await fetch('http://' + address)).status);
  await router.close();
});
`;

/** Declarations are looked into too, those of dependencies as well. */
const STRICTEST = [
  ...['--strict', '--skipLibCheck', 'false', '--exactOptionalPropertyTypes'],
  ...['--noUncheckedIndexedAccess', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'],
];

describe('the package', () => {
  let directory: TempDirectory;
  let consumer = '';
  let packed: string[] = [];

  beforeAll(async () => {
    directory = await tempDirectory();
    const made = join(directory.path, 'made');
    consumer = join(directory.path, 'consumer');
    await mkdir(made);
    await build(join(made, 'dist'));
    for (const file of ['package.json', 'README.md', 'LICENSE', 'bin', 'docs'])
      await cp(join(ROOT, file), join(made, file), { recursive: true });
    packed = await pack(made);
    await unpack(made, consumer);
  });

  afterAll(() => directory[Symbol.asyncDispose]());

  it('holds what is built, the command and its documents: no sources, no runtime', () => {
    expect(packed).toContain('dist/src/index.js');
    expect(packed).toContain('dist/src/index.d.ts');
    expect(packed).toContain('bin/switchyard');
    const others = packed.filter(
      (path) => !/^(dist|bin|docs)\/|^(package\.json|README\.md|LICENSE)$/.test(path),
    );
    expect(others).toEqual([]);
    const sources = packed.filter((path) => /(?<!\.d)\.ts$|\.node$|node_modules/.test(path));
    expect(sources).toEqual([]);
  });

  it('is imported by a plain JavaScript program', async () => {
    await writeFile(join(consumer, 'program.js'), PLAIN);
    const { stdout } = await run(process.execPath, [join(consumer, 'program.js')], { cwd: consumer });
    expect(stdout).toMatch(/^200 backend of 127\.0\.0\.1:\d+\nweb\n$/);
  });

  it('is required by a CommonJS program', async () => {
    await writeFile(join(consumer, 'program.cjs'), COMMON);
    const { stdout } = await run(process.execPath, [join(consumer, 'program.cjs')], { cwd: consumer });
    expect(stdout).toBe('507\n');
  });

  it('has a command that finds the Node installed beside it, whatever is on the path', async () => {
    const older = join(directory.path, 'older');
    await mkdir(older);
    await writeFile(join(older, 'node'), '#!/bin/sh\necho v20.0.0\n', { mode: 0o755 });
    const command = join(consumer, 'node_modules/switchyard/bin/switchyard');
    const env = { ...process.env, PATH: `${older}:/usr/bin:/bin` };
    const { stdout } = await run(command, ['--version'], { env });
    expect(stdout).toBe(`switchyard ${PACKAGE.version} (Node ${process.versions.node})\n`);
  });

  it('infers what a TypeScript program means', async () => {
    await writeFile(join(consumer, 'program.ts'), TYPED);
    const tsc = join(ROOT, 'node_modules/.bin/tsc');
    const options = [...STRICTEST, '--noEmit', 'program.ts'];
    const result = await run(tsc, options, { cwd: consumer }).catch((error) => error);
    expect(result.stdout).toBe('');
  });

  it('has a name for each type that the declarations of such a program need', async () => {
    await writeFile(join(consumer, 'declared.ts'), DECLARED);
    const tsc = join(ROOT, 'node_modules/.bin/tsc');
    const options = [...STRICTEST, '--declaration', '--emitDeclarationOnly', 'declared.ts'];
    const result = await run(tsc, options, { cwd: consumer }).catch((error) => error);
    expect(result.stdout).toBe('');
  });
});

async function build(outDir: string): Promise<void> {
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  await run(tsc, ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', outDir]);
}

async function pack(made: string): Promise<string[]> {
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--offline'], { cwd: made });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  return files.map((file) => file.path);
}

/** As npm would have it, its dependencies beside it and nothing else, but for the types of Node, which the consumer brings. */
async function unpack(made: string, consumer: string): Promise<void> {
  const modules = join(consumer, 'node_modules');
  const target = join(modules, 'switchyard');
  await mkdir(target, { recursive: true });
  await writeFile(join(consumer, 'package.json'), '{ "type": "module" }');
  const tarball = (await readdir(made)).find((name) => name.endsWith('.tgz')) ?? 'no tarball';
  await run('tar', ['-xzf', join(made, tarball), '-C', target, '--strip-components=1']);
  await mkdir(join(modules, '@types'));
  const beside = Object.keys({ ...PACKAGE.dependencies, ...PACKAGE.optionalDependencies });
  for (const name of [...beside, '@types/node']) {
    const there = join(ROOT, 'node_modules', name);
    if (existsSync(there)) await symlink(there, join(modules, name));
  }
}
