/** Bulk changes: many lines, each one owner's wish, a chunk of them at a time. */
export type { ChunkFailure, ChunkResult } from './chunks.ts';
export { cutLines } from './cut-lines.ts';
export { ImportThread, type ImportThreadOptions } from './import-thread.ts';
export { CHUNK, type Importer, importChunks, importerOver } from './importer.ts';
