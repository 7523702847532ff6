/** Finds the verb named by the first words, or the nearest one to suggest. */
import { quoted } from '../../../eventlog/index.ts';
import { nearest } from '../../config/index.ts';
import { UsageError } from '../failure.ts';
import type { Verb } from '../verb.ts';

export type Found = { readonly verb: Verb; readonly rest: readonly string[] };

export function findVerb(verbs: readonly Verb[], words: readonly string[]): Found {
  const one = words[0] ?? '';
  const two = `${one} ${words[1] ?? ''}`;
  const long = verbs.find((verb) => verb.name === two);
  if (long !== undefined) return { verb: long, rest: words.slice(2) };
  const short = verbs.find((verb) => verb.name === one);
  if (short !== undefined) return { verb: short, rest: words.slice(1) };
  throw unknown(verbs, words);
}

function unknown(verbs: readonly Verb[], words: readonly string[]): UsageError {
  const [one = '', two] = words;
  const ofNoun = verbs
    .filter((verb) => verb.name.startsWith(`${one} `))
    .map((verb) => verb.name.slice(one.length + 1));
  if (ofNoun.length > 0) {
    const meant = nearest(two ?? '', ofNoun);
    const found = two === undefined ? 'nothing' : quoted(two);
    const hint = meant === undefined ? undefined : `did you mean "${one} ${meant}"?`;
    return new UsageError(`${one}: expected one of ${ofNoun.join(', ')}, found ${found}`, hint);
  }
  // `set domain` is as likely an error as `domians set`.
  const turned = verbs.find((verb) => verb.name === `${two} ${one}`)?.name;
  const names = verbs.map((verb) => verb.name);
  const meant =
    turned ??
    nearest(`${one} ${two ?? ''}`.trim(), names) ??
    nearest(one, [...new Set(names.map(firstWord))]);
  return new UsageError(
    `unknown command ${quoted(one)}`,
    meant === undefined ? '"switchyard help" lists all commands' : `did you mean "${meant}"?`,
  );
}

function firstWord(name: string): string {
  return name.split(' ')[0]!;
}
