/** Bulk changes: many lines, each a command for one owner, carried out a chunk at a time. */
export { type ChunkFailure, type ChunkResult, MAX_CHUNK_LINES } from './chunks.ts';
export { cutLines } from './cut-lines.ts';
export { ImportThread } from './import-thread.ts';
export { CHUNK, type Importer, importChunks, importerOver } from './importer.ts';
