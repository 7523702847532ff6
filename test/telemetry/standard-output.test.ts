import { once } from 'node:events';
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type Sink, StandardOutput, StreamSink, standardSink } from '../../src/telemetry/standard-output.ts';
import { fill, smallDisk } from '../support/small-disk.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const MIB = 1_048_576;

function over(sink: Sink) {
  const told: (string | number)[] = [];
  const output = new StandardOutput({
    sink,
    losing: (error) => told.push(error?.message ?? 'slow'),
    regained: (lines) => told.push(lines),
  });
  return { output, told };
}

const line = (bytes: number) => `${'x'.repeat(bytes - 1)}\n`;

describe('standard output', () => {
  it('keeps 4 MiB of a stream that nobody reads, and one more of the process log', () => {
    const stream = new PassThrough();
    const { output, told } = over(new StreamSink(stream));
    for (let each = 0; each < 6; each++) output.writeLines(line(MIB) + line(10));
    expect([output.dropped, told]).toEqual([6, ['slow']]);
    for (let each = 0; each < 30; each++) output.write(line(MIB / 10));
    expect(output.dropped).toBeGreaterThan(6);
    expect(stream.writableLength).toBeGreaterThan(4.5 * MIB);
    expect(stream.writableLength).toBeLessThanOrEqual(5 * MIB);
  });

  it('tells how many lines were dropped once all else is read, and loses nothing that it kept', async () => {
    const stream = new PassThrough();
    const { output, told } = over(new StreamSink(stream));
    for (let each = 0; each < 100; each++) output.writeLines(line(MIB / 10));
    const kept = 100 - output.dropped;
    let read = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      read += text;
    });
    expect(await output.written(5000)).toBe(true);
    expect(told).toEqual(['slow', 100 - kept]);
    output.writeLines('last\n');
    stream.end();
    await once(stream, 'end');
    expect(read.split('\n')).toHaveLength(kept + 2);
  });

  it('does not wait longer than it is told to', async () => {
    const { output } = over(new StreamSink(new PassThrough({ highWaterMark: 1 })));
    output.write(line(100));
    output.write(line(100));
    expect(await output.written(30)).toBe(false);
  });

  it('of a stream that failed drops everything, and tells it once', async () => {
    const stream = new PassThrough();
    const { output, told } = over(new StreamSink(stream));
    stream.destroy(new Error('gone'));
    await expect(once(stream, 'close')).rejects.toThrow('gone');
    output.writeLines('one\ntwo\n');
    output.write('three\n');
    expect([output.dropped, told, await output.written(1000)]).toEqual([3, ['gone'], true]);
  });

  it('ends a line that a full disk cut off before the next one', async ({ skip }) => {
    await using directory = await tempDirectory();
    const at = join(directory.path, 'disk');
    using disk = smallDisk(at);
    if (disk === undefined) skip();
    await using file = await open(join(at, 'log'), 'w');
    fill(join(at, 'filling'), 4096);
    const { output, told } = over(standardSink(undefined, file.fd));
    for (let each = 0; each < 2; each++) output.write(line(5000));
    expect(told).toEqual([expect.stringContaining('ENOSPC')]);
    await rm(join(at, 'filling'));
    for (let each = 0; each < 2; each++) output.write('next\n');
    expect(await readFile(join(at, 'log'), 'utf8')).toBe(`${'x'.repeat(4096)}\nnext\nnext\n`);
  });

  it('goes to a file at once, and fails nobody where that cannot be written', async () => {
    await using directory = await tempDirectory();
    const path = join(directory.path, 'log');
    await using file = await open(path, 'w');
    const { output } = over(standardSink(undefined, file.fd));
    output.writeLines('one\ntwo\n');
    expect(await readFile(path, 'utf8')).toBe('one\ntwo\n');
    await using readOnly = await open(path, 'r');
    const { output: other, told } = over(standardSink(undefined, readOnly.fd));
    other.write('three\n');
    expect([other.dropped, told]).toEqual([1, [expect.stringContaining('EBADF')]]);
  });
});
