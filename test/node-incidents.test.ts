import { expect, test } from 'vitest'
import { useNodeScene, OPERATOR } from './node-scene.ts'
import { chainGone } from './node-words.ts'

const scene = useNodeScene()

const RESTART = { actions: [{ type: 'RecyclePod' }] }
const match = (node: string, causes: readonly string[]): object => ({
  match: { causes, failingFor: '0s', nodeSelector: { matchLabels: { test: node } } },
})

test.concurrent('twenty pods of two namespaces that miss a chain are one record of their node, in the operator’s namespace', async () => {
  const node = await scene.node({ test: 'chain' })
  const [one, other] = [await scene.bed.namespace(), await scene.bed.namespace()]
  await scene.policy('chain', { ...match('chain', ['IptablesChainMissing']), ...RESTART })
  for (let i = 0; i < 20; i += 1) {
    const pod = await scene.stuck({ namespace: i % 2 ? one : other, node })
    await scene.says(pod, 'FailedCreatePodSandBox', chainGone())
  }
  const { metadata, spec, status } = await scene.record(node, { phase: 'Held' })
  expect(metadata.namespace).toBe(OPERATOR)
  expect(metadata.ownerReferences).toBeUndefined()
  expect(spec).toMatchObject({
    cause: 'IptablesChainMissing',
    node,
    templateHash: 'node',
    target: { kind: 'Node', name: node },
  })
  expect(status?.reason).toBe('FactUnknown')
})
