import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandFailed } from '../../src/cli/failure.ts';
import { saved } from '../../src/cli/save-file.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';

let directory: TempDirectory;
let file: string;

beforeEach(async () => {
  directory = await tempDirectory();
  file = join(directory.path, 'part.sy');
});
afterEach(() => directory[Symbol.asyncDispose]());

describe('a file that a command writes', () => {
  it('has its name once it is whole: a kill before leaves another', async () => {
    await saved(file, async (write) => {
      await write(Buffer.from('half '));
      expect(existsSync(file)).toBe(false);
      await write(Buffer.from('and half'));
    });
    expect(readFileSync(file, 'utf8')).toBe('half and half');
    expect(readdirSync(directory.path)).toEqual(['part.sy']);
  });

  it('is gone where it could not be written to its end', async () => {
    const failure = new Error('the router ended');
    const filled = saved(file, async (write) => {
      await write(Buffer.from('half'));
      throw failure;
    });
    await expect(filled).rejects.toBe(failure);
    expect(readdirSync(directory.path)).toEqual([]);
  });

  it('takes the place of none that came meanwhile', async () => {
    const filled = saved(file, async (write) => {
      await write(Buffer.from('ours'));
      writeFileSync(file, 'of somebody else');
    });
    await expect(filled).rejects.toThrow('expected to write a new file, found that it exists already');
    expect(readFileSync(file, 'utf8')).toBe('of somebody else');
    expect(readdirSync(directory.path)).toEqual(['part.sy']);
  });

  it('that cannot have its name is told, and is no fault of ours', async () => {
    const filled = saved(file, async (write) => {
      await write(Buffer.from('whole'));
      rmSync(directory.path, { recursive: true });
    });
    await expect(filled).rejects.toThrow(CommandFailed);
    await expect(filled).rejects.toThrow(`${file}: expected to write all of it, found ENOENT`);
  });
});
