/** A proxy that is a program of Node's in this directory: run with the backend's port, it prints its own. */
import { once } from 'node:events';
import { type Program, startProgram } from '../process.ts';

export async function startNodeProgram(
  core: string | undefined,
  file: string,
  args: readonly string[],
): Promise<Program & { readonly port: number }> {
  const program = startProgram(core, process.execPath, ['--no-deprecation', file, ...args], 'pipe');
  const { stdout } = program.child;
  if (stdout === null) throw new Error(`expected the output of ${file}, found none`);
  const [line] = await once(stdout, 'data');
  return { ...program, port: Number(line) };
}
