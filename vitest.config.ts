import { defineConfig } from 'vitest/config';

// Two projects: `unit` needs nothing installed and shares one thread pool; `whole` starts real processes,
// so its files run one after another and may take longer.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'agents/**/*.test.ts', 'test/*.test.ts', 'test/contracts/**/*.test.ts'],
          pool: 'threads',
          isolate: false,
        },
      },
      {
        test: {
          name: 'whole',
          include: ['test/calls/**/*.test.ts', 'test/guarantees/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
