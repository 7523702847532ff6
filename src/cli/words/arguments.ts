/** Splits the words after a verb into flags, their values and the rest; what does not fit is wrong usage. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { type Parsed, parseMoment, quoted } from '../../../eventlog/index.ts';
import { nearest } from '../../config/index.ts';
import { UsageError } from '../failure.ts';

export type Option = {
  /** The placeholder of the value in a usage text; undefined if the flag takes no value. */
  readonly value?: string;
  /** May be given more than once. */
  readonly multiple?: true;
  /** All values that it may have. */
  readonly among?: readonly string[];
  /** Whether a value is of its form; whether there is such a thing, only the log knows. */
  readonly parse?: (text: string) => Parsed<unknown>;
  readonly description: string;
};

export type Options = { readonly [name: string]: Option };

export type Words = {
  /** Names for the usage text: `HOST`, `[KEY=VALUE]…`; one in brackets is optional, one with an ellipsis may repeat. */
  readonly positionals: readonly string[];
  readonly options: Options;
};

/** The placeholder of a moment in a usage text. */
const MOMENT = 'SEQ|TIME';

/** Checks only the syntax; whether the position exists, only the log knows. */
export function checkMoment(what: string, text: string): void {
  const parsed = parseMoment(text);
  if (!parsed.ok) throw new UsageError(`${what}: ${parsed.problem}`);
}

export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(positionals: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.positionals = positionals;
    this.#values = values;
  }

  flag(name: string): boolean {
    return this.#values.has(name);
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  texts(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  count(name: string, min = 0, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new UsageError(`--${name}: expected a whole number ${bounds}, found ${quoted(text)}`);
  }
}

export function parseWords(words: Words, args: readonly string[]): Arguments {
  const options: Options = { ...words.options, help: { description: 'its usage' } };
  const { tokens } = parseArgs({
    args: [...args],
    options: parserOptions(options),
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const positionals: string[] = [];
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind === 'option') keep(options, values, token);
  }
  if (!values.has('help')) checkPositionals(words.positionals, positionals);
  return new Arguments(positionals, values);
}

type OptionToken = {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
};

/** A flag of which the usage says `-N` takes a number less than zero. */
function isNegative({ value }: Options[string], given: string): boolean {
  return value?.includes('-N') === true && /^-\d/.test(given);
}

function keep(options: Options, values: Map<string, string[]>, token: OptionToken): void {
  const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
  if (option === undefined) throw unknownOption(token.rawName, token.name, Object.keys(options));
  if (option.value === undefined && token.value !== undefined) {
    throw new UsageError(`${token.rawName}: expected no value, found ${quoted(token.value)}`);
  }
  const missing = token.value === undefined || token.value === '';
  const isFlag =
    !missing && !token.inlineValue && /^-./.test(token.value) && !isNegative(option, token.value);
  if (option.value !== undefined && (missing || isFlag)) {
    const found = missing ? 'nothing' : `${quoted(token.value)} (--${token.name}=VALUE if it is meant)`;
    throw new UsageError(`${token.rawName}: expected ${option.value}, found ${found}`);
  }
  const known = values.get(token.name);
  if (known !== undefined && option.multiple === undefined && option.value !== undefined) {
    throw new UsageError(`${token.rawName}: expected once, found twice`);
  }
  if (option.value !== undefined) checkValue(option, token.rawName, token.value ?? '');
  values.set(token.name, [...(known ?? []), token.value ?? '']);
}

function checkValue({ value, among, parse }: Option, flag: string, text: string): void {
  if (value === MOMENT) checkMoment(flag, text);
  if (among !== undefined && !among.includes(text)) throw unknownValue(flag, text, among);
  const parsed = parse?.(text);
  if (parsed?.ok === false) throw new UsageError(`${flag}: ${parsed.problem}`);
}

function unknownValue(flag: string, text: string, among: readonly string[]): UsageError {
  const meant = nearest(text, among);
  return new UsageError(
    `${flag}: expected one of ${among.join(', ')}, found ${quoted(text)}`,
    meant === undefined ? undefined : `did you mean ${meant}?`,
  );
}

function unknownOption(rawName: string, name: string, known: readonly string[]): UsageError {
  const meant = nearest(name, known);
  return new UsageError(
    `unknown flag ${rawName}`,
    meant === undefined ? undefined : `did you mean --${meant}?`,
  );
}

function parserOptions(options: Options): ParseArgsOptionsConfig {
  const config: ParseArgsOptionsConfig = {};
  for (const [name, { value }] of Object.entries(options)) {
    config[name] = { type: value === undefined ? 'boolean' : 'string', multiple: true };
  }
  return { ...config, help: { type: 'boolean', short: 'h', multiple: true } };
}

function checkPositionals(names: readonly string[], found: readonly string[]): void {
  const needed = names.filter((name) => !name.startsWith('['));
  const missing = needed[found.length];
  if (missing !== undefined) throw new UsageError(`expected ${missing}, found nothing`);
  const endless = names.some((name) => name.includes('…'));
  const surplus = found[names.length];
  if (!endless && surplus !== undefined)
    throw new UsageError(`expected nothing more, found ${quoted(surplus)}`);
}
