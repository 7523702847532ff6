/** Usage texts, generated from the verbs' own descriptions. */

import type { Verb } from '../verb.ts';
import type { Option } from './arguments.ts';

export function overview(verbs: readonly Verb[]): string[] {
  const width = Math.max(...verbs.map((verb) => synopsis(verb).length));
  return [
    'switchyard: an HTTP reverse proxy that records and explains every routing decision',
    '',
    'usage: switchyard COMMAND …',
    '',
    ...verbs.map((verb) => `  ${synopsis(verb).padEnd(width)}  ${verb.summary}`),
    '',
    '"switchyard help COMMAND" describes one. Exit status: 0 done, 1 refused or false, 2 wrong usage.',
  ];
}

export function usage(verb: Verb): string[] {
  const options = Object.entries({ ...verb.options, help: HELP });
  const names = options.map(([name, option]) => flag(name, option));
  const width = Math.max(...names.map((name) => name.length));
  return [
    `switchyard ${synopsis(verb)} [FLAGS]`,
    '',
    `${capital(verb.summary)}.`,
    ...(verb.details === undefined ? [] : ['', ...verb.details]),
    '',
    ...options.map(([, option], at) => `  ${names[at]!.padEnd(width)}  ${option.description}`),
  ];
}

const HELP: Option = { description: 'this text' };

function synopsis(verb: Verb): string {
  return [verb.name, ...verb.positionals].join(' ');
}

function flag(name: string, option: Option): string {
  const value = option.value === undefined ? '' : ` ${option.value}`;
  return `--${name}${value}${option.multiple === undefined ? '' : ' …'}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
