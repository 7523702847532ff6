/**
 * The path of a program beside the file that names it, given without extension: a source here, compiled in the
 * package.
 */
export function programBeside(url: string, path: string): URL {
  return new URL(path + (url.endsWith('.ts') ? '.ts' : '.js'), url);
}
