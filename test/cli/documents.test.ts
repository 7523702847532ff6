/** What the documents say of the command line, beside what it takes. */
import { describe, expect, it } from 'vitest';
import type { Verb } from '../../src/cli/verb.ts';
import { VERBS } from '../../src/cli/verbs/index.ts';
import { findVerb } from '../../src/cli/words/find-verb.ts';
import { DOCUMENTS, documentText, inlineCode } from '../support/documents.ts';

const NAMES = new Set(VERBS.map(({ name }) => name.split(' ')[0]!));

describe('the documents', () => {
  it.each(DOCUMENTS)('%s writes commands that there are, with flags that they take', (path) => {
    const wrong = commandsIn(documentText(path)).filter((command) => !isTaken(command));
    expect(wrong).toEqual([]);
  });

  it('name every command, and every flag', () => {
    const all = DOCUMENTS.map(documentText).join('\n');
    const unnamed = VERBS.filter(({ name }) => !new RegExp(`[\`y ]${name}\\b`).test(all)).map(
      ({ name }) => name,
    );
    expect(unnamed).toEqual([]);
    const flags = new Set(VERBS.flatMap(({ options }) => Object.keys(options)));
    expect([...flags].filter((flag) => !new RegExp(`--${flag}\\b`).test(all))).toEqual([]);
  });
});

/** Lines of a shell, and code in a sentence that begins with a verb and has a flag. */
function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/^```(?:sh|console)\n(.*?)^```/gms)].flatMap(([, block = '']) =>
    block.split('\n'),
  );
  const shell = blocks.flatMap((line) => /^(?:\$ )?(?:\.\/bin\/)?switchyard (.*)$/.exec(line)?.[1] ?? []);
  const inline = inlineCode(text).flatMap((code) => {
    const words = code.replace(/^(?:\.\/bin\/)?switchyard /, '');
    const isCommand = words !== code || (NAMES.has(code.split(' ')[0]!) && code.includes(' --'));
    return isCommand ? [words] : [];
  });
  return [...shell, ...inline].map((command) => command.split(/ +#| \|| <<|\)| >/)[0]!.trim());
}

/** Only what a flag is called, not what it is given: a document may leave that out. */
function isTaken(command: string): boolean {
  const words = command.split(' ').filter((word) => word !== '');
  const found = verbOf(words);
  if (found === undefined) return false;
  const flags = words.slice(0, words.indexOf('--') === -1 ? undefined : words.indexOf('--'));
  return flags
    .filter((word) => word.startsWith('--'))
    .every((flag) => Object.hasOwn({ ...found.options, help: true }, flag.slice(2).replace(/=.*/, '')));
}

function verbOf(words: readonly string[]): Verb | undefined {
  try {
    return findVerb(VERBS, words).verb;
  } catch {
    return undefined;
  }
}
