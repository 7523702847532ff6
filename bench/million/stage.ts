/** What the parts of the bench share: a directory with two routers' data, many domains and few, in front of one backend. */
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RouterProcess, runCommand, startRouter } from '../../test/support/router-process.ts';
import { type Backend, startBackend } from '../backend.ts';
import { type Size, writeLines } from './lines.ts';

export type StageOptions = Size & { readonly workers: number; readonly directory: string };

/** Of a million as of ten: what differs is how many there are, not how many are used. */
export const FEW = 10;
const IMPORT_MS = 3_600_000;

export class Stage implements AsyncDisposable {
  readonly domains: number;
  readonly pools: number;
  readonly directory: string;
  readonly #workers: number;
  readonly #backend: Backend;

  private constructor(options: StageOptions, backend: Backend) {
    this.domains = options.domains;
    this.pools = options.pools;
    this.directory = options.directory;
    this.#workers = options.workers;
    this.#backend = backend;
  }

  /** A directory that was a stage before goes on: its pools lead to where the backend was. */
  static async in(options: StageOptions): Promise<Stage> {
    const { directory, domains, pools } = options;
    const said = join(directory, 'stage.json');
    const before = existsSync(said) ? (JSON.parse(readFileSync(said, 'utf8')) as Said) : undefined;
    if (before !== undefined && (before.domains !== domains || before.pools !== pools))
      throw new Error(
        `expected ${domains} domains on ${pools} pools in ${directory}, found ${before.domains} on ${before.pools}`,
      );
    for (const each of ['many', 'few']) await mkdir(join(directory, each), { recursive: true });
    // nginx started by root serves files as another user.
    await chmod(directory, 0o755);
    const backend = await startBackend(directory, undefined, before?.port);
    const stage = new Stage(options, backend);
    if (before !== undefined) return stage;
    const address = stage.backend;
    await writeLines(stage.file('many'), { domains, pools }, address);
    await writeLines(stage.file('few'), { domains: FEW, pools: FEW }, address);
    await writeFile(said, JSON.stringify({ domains, pools, port: backend.port } satisfies Said));
    return stage;
  }

  get backend(): string {
    return `127.0.0.1:${this.#backend.port}`;
  }

  file(size: 'many' | 'few'): string {
    return join(this.directory, `${size}.ndjson`);
  }

  start(size: 'many' | 'few'): Promise<RouterProcess> {
    const args = ['--workers', String(this.#workers)];
    // As everywhere in the bench, and of all peers.
    const config = { accessLog: false };
    return startRouter({ directory: join(this.directory, size), args, config, readyWithinMs: 120_000 });
  }

  async import(router: RouterProcess, size: 'many' | 'few'): Promise<void> {
    const ran = await runCommand(['import', this.file(size), '--admin', router.admin], IMPORT_MS);
    if (ran.code !== 0) throw new Error(`expected an import that succeeds, found ${ran.output}`);
    await writeFile(this.#mark(size), '');
  }

  /** As if nothing had been there. */
  async clear(size: 'many' | 'few'): Promise<void> {
    await rm(join(this.directory, size), { recursive: true, force: true });
    await mkdir(join(this.directory, size));
  }

  /** A router that has them: they are imported before, if that has not happened. */
  async full(size: 'many' | 'few'): Promise<RouterProcess> {
    if (existsSync(this.#mark(size))) return await this.start(size);
    await this.clear(size);
    await using first = await this.start(size);
    await this.import(first, size);
    await first.stop();
    return await this.start(size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backend.stop();
  }

  #mark(size: 'many' | 'few'): string {
    return join(this.directory, size, 'imported');
  }
}

type Said = Size & { readonly port: number };
