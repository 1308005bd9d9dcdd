import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** They take minutes: begun last, they would run alone at the end. */
const LONG = /\/test\/(crash\/|approval\/flow|chart\/release|repair\/(limits|owners))/

/** Vitest knows how long a file took only where it ran before, and takes the larger first where it does not. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => Number(LONG.test(b.moduleId)) - Number(LONG.test(a.moduleId)))
  }
}

/** Pure tests lie beside the code; those that need an API server lie in `test/` and start their own. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'testbed/**/*.test.ts',
            'demo/**/*.test.ts',
            'bench/**/*.test.ts',
            'faults/**/*.test.ts',
            'scripts/**/*.test.ts',
          ],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'api-server',
          include: ['test/**/*.test.ts'],
          globalSetup: ['testbed/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
    // One more than the cores of a small machine: tests with an API server wait for much of their time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
})
