import { expect, test } from 'vitest'
import { aCase, aFailingPod, aFinding } from '../decide/testing.ts'
import { newRecord } from './remediation.ts'
import { aDiagnosis, aHold, aRewrite, happens, lived } from './testing.ts'

test('a record names a pod that fails by its cause, not the first one', () => {
  const pods = [
    aFailingPod({ name: 'full', node: 'n1', findings: [aFinding({ cause: 'DiskFull', message: 'no space left' })] }),
    aFailingPod({ name: 'corrupt', node: 'n2', findings: [aFinding({ cause: 'CorruptLayer', message: 'bad layer' })] }),
  ]
  const findings = pods.flatMap((one) => one.findings)
  const diagnosis = aDiagnosis({ cause: 'CorruptLayer', findings, pods })
  const policy = { name: 'p', uid: 'u', generation: 1 }
  const { spec } = newRecord({ incident: aCase({ pods }).incident, diagnosis, policy }, 'podmend-system')
  expect(spec).toMatchObject({ cause: 'CorruptLayer', message: 'bad layer', pod: { name: 'corrupt' }, node: 'n2' })
})

test('the step of a plan has the pods that it leaves out, with the reason, within the limits of the API', () => {
  const left = (name: string) => ({ namespace: 'kube-system', name, uid: `uid-${name}`, why: 'w'.repeat(5_000) })
  const plan = aRewrite({ leftOut: Array.from({ length: 100 }, (_, i) => left(`pod-${i}`)) })
  const status = happens(lived(), { kind: 'Held', verdict: aHold('CoolingDown', { plan }) })
  const leftOut = status.steps?.[0]?.leftOut ?? []
  expect(leftOut).toHaveLength(64)
  expect(leftOut[0]).toMatchObject({ name: 'pod-0', uid: 'uid-pod-0', why: expect.stringMatching(/^w+…$/) })
  expect(Math.max(...leftOut.map(({ why }) => why.length))).toBe(1_024)
})
