import { defineConfig } from 'vitest/config';

// Three projects: `unit` needs nothing installed and shares one thread pool; `whole` starts real processes, and
// `services` has a real Redis and Postgres, so their files run one after another and may take longer.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'agents/**/*.test.ts', 'test/*.test.ts', 'test/{contracts,fleet}/**/*.test.ts'],
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
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'services',
          include: ['test/services/**/*.test.ts'],
          globalSetup: 'tools/services/global-setup.ts',
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
