import { expect, test } from 'vitest'
import type { NodeInspection } from '../../api/node-task.ts'
import type { NodeCause } from '../../model/causes.ts'
import { type Finding, known } from '../../model/incident.ts'
import { anInspection, aUnit } from '../testing.ts'
import { permanentFixOfNode } from './conclude.ts'

const finding = (cause: NodeCause, detail?: string): Finding => ({
  container: '',
  init: false,
  image: '',
  cause,
  message: '',
  source: 'agent',
  possibleCauses: [],
  ...(detail !== undefined && { detail }),
})
const fixOf = (cause: NodeCause, detail?: string, seen?: Partial<NodeInspection>) =>
  permanentFixOfNode(cause, [finding(cause, detail)], {
    registry: {},
    ...(seen && { inspection: known(anInspection(seen)) }),
  })

test.each<[string, string | undefined, string]>([
  [
    'a helper goes into the image of the nodes, by the name of its package there',
    fixOf('MountHelperMissing', 'nfs', { os: { known: true, id: 'rocky', versionId: '9' } }),
    'Add nfs-utils to the image',
  ],
  [
    'a helper of an unseen host is named by what it mounts',
    fixOf('MountHelperMissing', 'nfs'),
    'Add the package that provides mount.nfs',
  ],
  [
    'a firewall service that runs is told to leave the chains alone',
    fixOf('IptablesChainMissing', 'DOCKER', { units: { known: true, list: [aUnit('firewalld.service')] } }),
    "Configure firewalld.service to leave Docker's chains alone",
  ],
  ['what wipes a chain is to be found', fixOf('IptablesChainMissing', 'DOCKER'), "Find what removes Docker's chains"],
])('%s', (_sentence, fix, says) => {
  expect(fix).toContain(says)
})

test('a helper of which nobody knows the type has no fix, nor has what no longer fails', () => {
  expect(fixOf('MountHelperMissing')).toBeUndefined()
  expect(permanentFixOfNode('RuntimeUnresponsive', [], { registry: {} })).toBeUndefined()
})
