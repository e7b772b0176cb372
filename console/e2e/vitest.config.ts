// The browser tests: one worker, one file after the other.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['support/peers.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    // On a machine that is busy otherwise a window may come late; who needed a second try is printed.
    retry: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    expect: { poll: { timeout: 15_000, interval: 50 } },
    reporters: ['default'],
  },
})
