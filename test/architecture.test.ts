/** The shape of the house: imports point inward, rooms are entered by their doors, a package lives in its room. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const ROOMS = ['eventlog', 'actors', 'src'] as const;
type Room = (typeof ROOMS)[number];

/** What a room may import from: itself, and what lies further in. */
const INWARD: Record<Room, readonly Room[]> = {
  eventlog: [],
  actors: ['eventlog'],
  src: ['eventlog', 'actors'],
};

const PACKAGES: Record<Room, readonly string[]> = {
  eventlog: ['better-sqlite3', 'rxjs', 'zod'],
  actors: ['xstate'],
  src: ['pino', 'rxjs', 'undici', 'yaml', 'zod', 're2js'],
};
// A door of its own has what a thread needs that is to load nothing else, or what most threads are not to load: each is a heap.
const DOORS = [
  ...ROOMS.map((room) => `${room}/index.ts`),
  'eventlog/journal/index.ts',
  'eventlog/settings/settings.ts',
  'eventlog/sqlite/write-back.ts',
  'actors/pool/ledger/index.ts',
];
// Sockets belong to the outside world, and so do processes.
const BUILTINS_NOT_IN: Record<Room, readonly string[]> = {
  eventlog: ['node:net', 'node:http', 'node:tls', 'node:child_process'],
  actors: ['node:net', 'node:http', 'node:tls', 'node:fs', 'node:child_process'],
  src: [],
};

// `… from 'x';`, `import 'x';` and `import('x')`, each on its line.
const IMPORT = /\bfrom '([^'\n]+)';$|^import '([^'\n]+)';$|\bimport\('([^'\n]+)'\)/gm;

type Import = { readonly file: string; readonly room: Room; readonly target: string };

const files = ROOMS.flatMap((room) => sources(join(ROOT, room)).map((file) => ({ room, file })));
const imports: Import[] = files.flatMap(({ room, file }) =>
  [...readFileSync(join(ROOT, file), 'utf8').matchAll(IMPORT)].map((match) => ({
    file,
    room,
    target: match[1] ?? match[2] ?? match[3] ?? '',
  })),
);

const importsOf = Map.groupBy(imports, ({ file }) => file);

describe('the house', () => {
  it('has files and imports to look at', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(imports.length).toBeGreaterThan(100);
  });

  it('imports inward only', () => {
    const outward = imports.filter(({ room, file, target }) => {
      const other = roomOf(file, target);
      return other !== undefined && other !== room && !INWARD[room].includes(other);
    });
    expect(outward).toEqual([]);
  });

  it('enters another room by a door', () => {
    const windows = imports.filter(({ room, file, target }) => {
      const other = roomOf(file, target);
      return other !== undefined && other !== room && !DOORS.includes(pathOf(file, target));
    });
    expect(windows).toEqual([]);
  });

  it('has no circle of imports, not even of types', () => {
    const inCircle = files.filter(({ file }) => reached(file).has(file));
    expect(inCircle.map(({ file }) => file)).toEqual([]);
  });

  it('keeps each package in its room', () => {
    const strangers = imports.filter(({ room, target }) => {
      if (target.startsWith('.') || target.startsWith('node:')) return false;
      const name = target.startsWith('@')
        ? target.split('/').slice(0, 2).join('/')
        : (target.split('/')[0] ?? '');
      return !PACKAGES[room].includes(name);
    });
    expect(strangers).toEqual([]);
  });

  it('keeps sockets and processes out of the inner rooms', () => {
    expect(imports.filter(({ room, target }) => BUILTINS_NOT_IN[room].includes(target))).toEqual([]);
  });

  it('reads the clock and chance as arguments where it decides', () => {
    const pure = files.filter(({ file }) =>
      /^actors\/(domain|pool\/policy|pool\/pool\.ts|pool\/evolve-pool|supervision\/(strategy|restart|parking|backoff))/.test(
        file,
      ),
    );
    expect(pure.length).toBeGreaterThan(5);
    const impure = pure.filter(({ file }) =>
      /Date\.now\(|Math\.random\(|performance\.now\(/.test(readFileSync(join(ROOT, file), 'utf8')),
    );
    expect(impure).toEqual([]);
  });

  it('opens every file with a sentence that says what it is', () => {
    const silent = files.filter(({ file }) => !readFileSync(join(ROOT, file), 'utf8').startsWith('/**'));
    expect(silent.map(({ file }) => file)).toEqual([]);
  });
});

/** All that a file imports, and what that imports. */
function reached(from: string): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [from];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const { file, target } of importsOf.get(next) ?? []) {
      const path = pathOf(file, target);
      if (!target.startsWith('.') || found.has(path)) continue;
      found.add(path);
      open.push(path);
    }
  }
  return found;
}

function sources(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) return sources(path);
    return name.endsWith('.ts') ? [relative(ROOT, path)] : [];
  });
}

function pathOf(file: string, target: string): string {
  return relative(ROOT, resolve(ROOT, dirname(file), target));
}

function roomOf(file: string, target: string): Room | undefined {
  if (!target.startsWith('.')) return undefined;
  const first = pathOf(file, target).split('/')[0];
  return ROOMS.find((room) => room === first);
}
