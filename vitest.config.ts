// SPDX-License-Identifier: BSD-2-Clause
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: ['default'],
    // Boots and compilations share the machine's cores; more workers than cores only adds noise.
    maxWorkers: 2,
  },
});
