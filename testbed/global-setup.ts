import { controlPlaneBinaries } from './control-plane/build.ts'
import { registryBinaries } from './registry/build.ts'
import { testContext } from './test-context.ts'

/**
 * Before the first test: the binaries are built, one after the other, because each build takes all cores. With a cluster
 * at hand nothing is, and the tests that start a registry build it if this machine can.
 */
export const setup = async (): Promise<void> => {
  if (testContext() !== undefined) return
  await controlPlaneBinaries()
  await registryBinaries()
}
