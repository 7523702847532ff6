import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'property-tests/**/*.property.ts'],
    // Child threads and processes are part of what is tested, so each file gets a process of its own.
    pool: 'forks',
    maxWorkers: 2,
    // A test that hangs is told from one on a busy machine by this alone, so it is long.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // As long as `eventually` waits: the second that it would be is little on a busy machine.
    expect: { poll: { timeout: 20_000 } },
  },
});
