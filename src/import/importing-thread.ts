/**
 * The program of the import thread. It starts the drafting thread before anything else, so that both load at once.
 */
import './draft-worker.ts';

await import('./import-turns.ts');
