/** The target registry does not have what the node needs. */
import { held } from '../held.ts'
import { NEW, OLD, OTHER_PLATFORM, PLATFORM } from '../registries.ts'
import type { Scenario } from '../scenario.ts'

export const scenarios: readonly Scenario[] = [
  held({
    name: 'target-missing',
    title: 'an image that the target registry does not have is not written',
    parts: { image: `${OLD}/nowhere:1` },
    reason: 'TargetUnverified',
    says: `${NEW}/nowhere:1: the registry does not have it`,
  }),
  held({
    name: 'other-platform',
    title: 'an image that exists only for a platform other than that of the node is not written',
    parts: { image: `${OLD}/other-platform:1` },
    reason: 'TargetUnverified',
    says: OTHER_PLATFORM,
    after: async ({ pods }, { status }) => {
      const node = (await pods('app=web'))[0]?.spec?.nodeName
      for (const says of [`node ${node}`, PLATFORM]) {
        if (!status?.message?.includes(says)) throw new Error(`the record does not say ${says}: ${status?.message}`)
      }
    },
  }),
]
