import { expect, test } from 'vitest'
import { parseNamed, RECORD_KINDS, WORKLOAD_KINDS } from './object-ref.ts'

test.each<readonly [readonly string[], string, string]>([
  [['pod/web-1'], 'Pod', 'web-1'],
  [['po', 'web-1'], 'Pod', 'web-1'],
  [['Deployment/web'], 'Deployment', 'web'],
  [['deployments.apps/web'], 'Deployment', 'web'],
  [['sts', 'db'], 'StatefulSet', 'db'],
  [['ds/agent.node'], 'DaemonSet', 'agent.node'],
  [['jobs.batch', 'once'], 'Job', 'once'],
])('%j names %s %s', (positionals, kind, name) => {
  expect(parseNamed(positionals, WORKLOAD_KINDS)).toEqual({ kind, name })
})

test.each<readonly [readonly string[], string]>([
  [[], 'no object given; expected TYPE/NAME or TYPE NAME, where TYPE is one of pod, deployment'],
  [['web'], 'found "web"; expected'],
  [['pod/a/b'], 'found "pod/a/b"; expected'],
  [['pod', 'a', 'b'], 'found "pod a b"; expected'],
  [['service/web'], 'type "service" is not supported'],
  [['rem/web'], 'type "rem" is not supported'],
  [['pod/'], '"" is not a valid Kubernetes name'],
  [['pod/Web'], '"Web" is not a valid Kubernetes name'],
  [['pod/..'], '".." is not a valid Kubernetes name'],
  [['pod', '../secrets'], '"../secrets" is not a valid Kubernetes name'],
])('%j is refused', (positionals, sentence) => {
  expect(() => parseNamed(positionals, WORKLOAD_KINDS)).toThrow(sentence)
})

test('records are named in all their ways', () => {
  for (const type of ['rem', 'remediation', 'remediations', 'remediations.podmend.io']) {
    expect(parseNamed([`${type}/a`], RECORD_KINDS)).toEqual({ kind: 'Remediation', name: 'a' })
  }
})
