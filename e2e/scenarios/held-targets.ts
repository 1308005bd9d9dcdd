/** The new place does not have what the node needs. */
import { held } from '../held.ts'
import { NEW, OLD, OTHER_PLATFORM, PLATFORM } from '../registries.ts'
import type { Scenario } from '../scenario.ts'

export const scenarios: readonly Scenario[] = [
  held({
    name: 'target-missing',
    title: 'an image that is not at the new place either is not written',
    parts: { image: `${OLD}/nowhere:1` },
    reason: 'TargetUnverified',
    says: `${NEW}/nowhere:1: the registry does not have it`,
  }),
  held({
    name: 'other-platform',
    title: 'an image that is there, but for another platform than the node, is not written',
    parts: { image: `${OLD}/other-platform:1` },
    reason: 'TargetUnverified',
    says: `the image exists for ${OTHER_PLATFORM}, but node `,
    after: async ({ pods }, { status }) => {
      const node = (await pods('app=web'))[0]?.spec?.nodeName
      const says = `node ${node} is ${PLATFORM}`
      if (!status?.message?.includes(says)) throw new Error(`the record does not say ${says}: ${status?.message}`)
    },
  }),
]
