/**
 * A walkthrough is a chapter of a document that can be done as it is written: files, and a terminal's lines, `$` before
 * each command, what it says after it. `…` stands for anything, alone on a line for any lines.
 */
export type Walkthrough = {
  readonly title: string;
  readonly files: ReadonlyMap<string, string>;
  readonly steps: readonly Step[];
};

export type Step = { readonly command: string; readonly says: readonly string[] };

const FENCE = /^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm;

export function walkthroughsIn(markdown: string): readonly Walkthrough[] {
  return markdown
    .split(/^## /m)
    .slice(1)
    .map((chapter) => {
      const files = new Map<string, string>();
      const steps: Step[] = [];
      for (const [, language, name, text = ''] of chapter.matchAll(FENCE)) {
        if (language === 'console') steps.push(...stepsIn(text));
        else if (name !== undefined) files.set(name, text);
      }
      return { title: chapter.slice(0, chapter.indexOf('\n')), files, steps };
    })
    .filter(({ steps }) => steps.length > 0);
}

function stepsIn(text: string): Step[] {
  const steps: { command: string; says: string[] }[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const last = steps.at(-1);
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), says: [] });
    else if (last === undefined) throw new Error(`expected a command, found ${JSON.stringify(line)}`);
    else if (line.startsWith('> ')) last.command += `\n${line.slice(2)}`;
    else last.says.push(line);
  }
  return steps;
}

/** Undefined, or the first line that was not said. */
export function unsaid(expected: readonly string[], said: readonly string[]): string | undefined {
  let at = 0;
  let anywhere = false;
  for (const line of expected) {
    if (line.trim() === '…') {
      anywhere = true;
      continue;
    }
    const pattern = patternOf(line);
    const found = said.findIndex((one, index) => index >= at && pattern.test(squeezed(one)));
    if (found === -1 || (!anywhere && found !== at)) return line;
    at = found + 1;
    anywhere = false;
  }
  return anywhere || at === said.length ? undefined : `nothing more, found ${said[at]}`;
}

function patternOf(line: string): RegExp {
  const parts = squeezed(line)
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

/** Columns are as wide as what is in them, which differs from run to run. */
function squeezed(line: string): string {
  return line.trim().replace(/\s+/g, ' ');
}
