import { controlPlaneBinaries } from './control-plane/build.ts'
import { testContext } from './test-context.ts'
import { registryBinaries } from './registry/build.ts'

/** Before the first test: the binaries are built, one after the other, because each build takes all cores. */
export const setup = async (): Promise<void> => {
  if (testContext() === undefined) await controlPlaneBinaries()
  await registryBinaries()
}
