/** `help`, `version` and `schema`. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publishedSchema } from '../../config/index.ts';
import type { Context, ExitCode, Verb } from '../verb.ts';
import { findVerb } from '../words/find-verb.ts';
import { overview, usage } from '../words/help.ts';

export function helpVerb(all: () => readonly Verb[]): Verb {
  return {
    name: 'help',
    positionals: ['[COMMAND]…'],
    summary: 'describes a command',
    options: { json: { description: 'print JSON' } },
    run: async ({ args, print }) => {
      if (print.json) await print.value(meant(all(), args.positionals).map(described));
      else await print.lines(helpFor(all(), args.positionals));
      return 0;
    },
  };
}

function helpFor(verbs: readonly Verb[], words: readonly string[]): string[] {
  const found = meant(verbs, words);
  const isOne = words.length > 0 && found.length === 1;
  return isOne ? usage(found[0]!) : overview(found);
}

/** All verbs, those of one noun, or one. */
function meant(verbs: readonly Verb[], words: readonly string[]): readonly Verb[] {
  if (words.length === 0) return verbs;
  const ofNoun = words.length === 1 ? verbs.filter((verb) => verb.name.startsWith(`${words[0]} `)) : [];
  return ofNoun.length > 0 ? ofNoun : [findVerb(verbs, words).verb];
}

function described({ name, positionals, summary, options }: Verb) {
  return { name, positionals, summary, options };
}

export const versionVerb: Verb = {
  name: 'version',
  positionals: [],
  summary: 'prints the version',
  options: { json: { description: 'print JSON' } },
  run: async ({ print }) => {
    const version = packageVersion(import.meta.dirname);
    if (print.json) await print.value({ version, node: process.versions.node });
    else await print.line(`switchyard ${version} (Node ${process.versions.node})`);
    return 0;
  },
};

/** Searches upwards, because sources and build output are at different depths below it. */
function packageVersion(from: string): string {
  const file = join(from, 'package.json');
  if (!existsSync(file)) return packageVersion(join(from, '..'));
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return version;
}

export const schemaVerb: Verb = {
  name: 'schema',
  positionals: [],
  summary: 'prints the JSON Schema of the config file',
  options: { json: { description: 'no effect: it is JSON' } },
  run: async ({ print }: Context): Promise<ExitCode> => {
    await print.text(publishedSchema());
    return 0;
  },
};
