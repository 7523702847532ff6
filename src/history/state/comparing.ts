/**
 * A comparison of a wish for all routing, as the command that carries it out uses it. A historian reads and compares,
 * beside this thread if that takes long. What was found before the command's turn still holds in it unless the log
 * has moved; then only what was added is compared.
 */
import { OwnerUnavailable, type Plan } from '../../../actors/index.ts';
import type { Position } from '../../../eventlog/index.ts';
import type { Historian } from '../historian.ts';
import type { Comparison, ComparisonWish, WishRead } from './comparison.ts';

type Readable = Extract<WishRead, { type: 'read' }>;
type Texts = AsyncGenerator<string, undefined>;

export class Comparing implements AsyncDisposable {
  readonly #texts: Texts;
  /** Of the wish, to recognise a repetition under the same command id. */
  readonly digest: string;
  /** Of the process, if the wish is a config file. */
  readonly settings: Readable['settings'];
  #found: Comparison | undefined;
  #planned: Comparison | undefined;

  private constructor(texts: Texts, { digest, settings }: Readable) {
    this.#texts = texts;
    this.digest = digest;
    this.settings = settings;
  }

  /** Returns what was read instead if the wish is empty or unfit. Rejects like the historian. */
  static async begun(
    historian: Historian,
    wish: ComparisonWish,
    signal?: AbortSignal,
  ): Promise<Comparing | Exclude<WishRead, Readable>> {
    const texts = historian.pour('comparison', wish, signal);
    const read = JSON.parse(await next(texts)) as WishRead;
    if (read.type === 'read') return new Comparing(texts, read);
    await texts.return(undefined);
    return read;
  }

  /** The text for a wish that is only shown. */
  get shown(): AsyncGenerator<string, undefined> {
    return this.#texts;
  }

  async compare(): Promise<void> {
    this.#found = JSON.parse(await next(this.#texts)) as Comparison;
  }

  /** Compares again if the position has changed. */
  async bringUp(position: Position): Promise<Comparison | undefined> {
    if (this.#found?.at !== position) await this.compare();
    return this.#found;
  }

  readonly plan: Plan = async ({ position }) => {
    const found = await this.bringUp(position);
    if (found?.at !== position) throw new OwnerUnavailable(exchanged(position, found?.at), 1000);
    this.#planned = found;
    const { refusal, commands } = found;
    return refusal === null ? { type: 'commands', commands } : { type: 'rejected', rejection: refusal };
  };

  /** What the plan was made from; undefined if none was made. */
  get planned(): Comparison | undefined {
    return this.#planned;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#texts.return(undefined);
  }
}

async function next(texts: Texts): Promise<string> {
  const { value } = await texts.next();
  if (value === undefined) throw new TypeError('expected another comparison, found the end of them');
  return value;
}

/** An archive was made meanwhile. */
function exchanged(expected: Position, found: Position | undefined): string {
  return `expected to compare with the log at position ${expected}, found another file of it at ${found}; it may be sent again`;
}
