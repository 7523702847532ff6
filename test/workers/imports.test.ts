/** What a worker loads before it can route: its start is the time that a crashed one is missing. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
// What a statement loads at once: not its types, and not `import('…')`, which is loaded when it is needed.
const LOADED = /^(?:import|export) (?!type)(?:[^;']*? from )?'([^'\n]+)';$/gm;

function loadedBy(entry: string): { files: string[]; packages: string[]; builtins: string[] } {
  const files = new Set([join(ROOT, entry)]);
  const packages = new Set<string>();
  const builtins = new Set<string>();
  for (const file of files) {
    for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(LOADED)) {
      if (target.startsWith('.')) files.add(resolve(dirname(file), target));
      else if (target.startsWith('node:')) builtins.add(target);
      else packages.add(target);
    }
  }
  return { files: [...files], packages: [...packages].sort(), builtins: [...builtins] };
}

describe('a thread that starts', () => {
  it('a worker: a few small packages, and nothing of Node that is an HTTP', () => {
    const { files, packages, builtins } = loadedBy('src/workers/worker/worker-thread.ts');
    expect(files.length).toBeGreaterThan(50);
    const small = ['better-sqlite3', 'rxjs/internal/Observable', 'xstate'];
    expect(packages.filter((name) => !small.includes(name))).toEqual([]);
    expect(builtins).toContain('node:worker_threads');
    expect(builtins.filter((name) => /^node:(?:https?2?|tls|perf_hooks)$/.test(name))).toEqual([]);
  });

  it('the journal: what writes it, and what it reads from the ledger', () => {
    const { files, packages } = loadedBy('src/workers/journal/journal-thread.ts');
    expect(files.length).toBeGreaterThan(20);
    expect(packages).toEqual(['better-sqlite3']);
    expect(files.filter((file) => file.endsWith('eventlog/index.ts'))).toEqual([]);
  });

  it('the router: nothing that only commands need', () => {
    const { packages } = loadedBy('src/serve.ts');
    expect(packages).toContain('pino');
    expect(packages.filter((name) => ['undici', 'yaml', 'rxjs'].includes(name))).toEqual([]);
  });
});
