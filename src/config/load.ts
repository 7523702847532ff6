/** Reads a config file: JSON, YAML, or a JavaScript or TypeScript module whose default export is the configuration. */
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Config, type Overrides, parseConfig } from './config.ts';
import type { Checked, Problem } from './problem.ts';
import { checkFile, readBytes } from './read-file.ts';
import { readJson } from './read-json.ts';
import { readYaml } from './read-yaml.ts';

// 64 MiB: about 500 000 domains; beyond that, `import` reads line by line.
export const MAX_FILE_BYTES = 67_108_864;

const MODULES = ['.ts', '.mts', '.js', '.mjs', '.cjs', '.cts'];

export async function loadConfig(file: string, overrides: Overrides = {}): Promise<Checked<Config>> {
  const raw = await readConfigFile(file);
  return raw.ok ? parseConfig(raw.value, overrides) : raw;
}

/** The content as plain values, not yet checked. */
export async function readConfigFile(file: string): Promise<Checked<unknown>> {
  if (MODULES.includes(extname(file).toLowerCase())) return readModule(file);
  const bytes = await readBytes(file, MAX_FILE_BYTES);
  return bytes.ok ? readContent(bytes.value, extname(file).toLowerCase()) : bytes;
}

/** Like `readText`. */
export function readContent(bytes: Uint8Array, extension = ''): Checked<unknown> {
  const text = decoded(bytes);
  return text.ok ? readText(text.value, extension) : text;
}

/** A request body: always JSON. */
export function readSent(bytes: Uint8Array): Checked<unknown> {
  const text = decoded(bytes);
  return text.ok ? readJson(text.value) : text;
}

/** `extension`: `.json`, `.yaml`, `.yml`; otherwise the first character decides. */
export function readText(text: string, extension = ''): Checked<unknown> {
  // RFC 8259 §8.1: a byte order mark may be ignored.
  const content = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  if (extension === '.json') return readJson(content);
  if (extension === '.yaml' || extension === '.yml') return readYaml(content);
  return /^\s*[{[]/.test(content) ? readJson(content) : readYaml(content);
}

function decoded(bytes: Uint8Array): Checked<string> {
  try {
    return { ok: true, value: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return refused({ path: '', expected: 'UTF-8 text', found: 'other bytes' });
  }
}

const required = createRequire(import.meta.url).cache;
let reads = 0;

async function readModule(file: string): Promise<Checked<unknown>> {
  const fit = await checkFile(file, MAX_FILE_BYTES);
  if (!fit.ok) return fit;
  const url = pathToFileURL(resolve(file));
  // A module is evaluated once per URL, and a CommonJS one once per path; reading it again (SIGHUP) must see the
  // present file.
  url.searchParams.set('read', String(++reads));
  try {
    delete required[realpathSync(file)];
    const module: { readonly default?: unknown } = await import(url.href);
    if (module.default === undefined) {
      return refused({ path: '', expected: 'a default export', found: 'a module without one' });
    }
    return { ok: true, value: module.default };
  } catch (error) {
    return refused(moduleProblem(error));
  }
}

function moduleProblem(error: unknown): Problem {
  const found = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { path: '', expected: 'a module that loads', found: found.split('\n').slice(0, 3).join(' ') };
}

function refused(problem: Problem): Checked<never> {
  return { ok: false, problems: [problem] };
}
