import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Check } from '../../src/cli/doctor/check.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import { admissionYaml, APPROVAL, REMEDIATION } from '../chart/admission.ts'
import { applyPolicy, install, restrictedUser } from './fixture.ts'
import { runMend } from './run-mend.ts'

const cluster = useControlPlane()

const doctor = async (args: readonly string[] = [], kubeconfig = cluster.plane.kubeconfig) => {
  const { status, out, err } = await runMend(['doctor', '-o', 'json', ...args], {
    environment: { KUBECONFIG: kubeconfig },
  })
  expect(err).toBe('')
  const { checks } = JSON.parse(out) as { readonly checks: readonly Check[] }
  return { status, checks, state: (name: string) => checks.find(({ check }) => check === name)?.state }
}

test('a cluster without podmend fails the check, and one with it passes', async () => {
  const before = await doctor()
  expect(before.status).toBe(1)
  expect(before.state('API server')).toBe('ok')
  expect(before.state('CRD remediationpolicies')).toBe('fail')

  await install(cluster)
  await cluster.kubectl(['annotate', 'namespace', 'podmend-system', 'podmend.io/paused=true'])
  await cluster.kubectl(['annotate', 'namespace', 'default', 'podmend.io/exclude=yes'])
  const after = await doctor()
  expect(after.checks.filter(({ state }) => state === 'fail')).toEqual([])
  expect(after.status).toBe(0)
  expect(after.state('CRD remediationpolicies')).toBe('ok')
  expect(after.state('CRD remediations')).toBe('ok')
  expect(after.state('stop annotation')).toBe('warn')
  expect(after.checks.find(({ check }) => check === 'opt-outs')?.message).toContain('namespace default ("yes")')
  expect(after.state('controller')).toBe('warn')
  expect(after.state('policies')).toBe('warn')
})

test("the controller's service account has what observing needs, and lacks what an acting policy needs", async () => {
  await install(cluster)
  const account = ['--service-account', 'podmend-system/podmend-controller']
  expect((await doctor(account)).state('rights to observe')).toBe('ok')
  const policy = await applyPolicy(cluster, 'acting', { mode: 'Enforce' })
  const { status, checks } = await doctor(account)
  const rights = checks.find(({ check }) => check === 'rights to rewrite-image')
  expect(rights).toMatchObject({ state: 'fail' })
  expect(rights?.message).toContain('patch deployments.apps')
  expect(rights?.message).toContain(`policy ${policy.metadata.name} needs it`)
  expect(status).toBe(1)
})

test('a policy in mode Approve without the admission policy is reported', async () => {
  await install(cluster)
  expect((await doctor()).state('approvals')).toBeUndefined()
  await applyPolicy(cluster, 'asking', { mode: 'Approve' })
  const approvals = async () => (await doctor()).checks.find(({ check }) => check === 'approvals')
  expect(await approvals()).toMatchObject({
    state: 'fail',
    message: expect.stringContaining('asking requires approval'),
  })
  await cluster.applyYaml(await admissionYaml(APPROVAL))
  expect(await approvals()).toMatchObject({ state: 'ok' })
  expect((await doctor()).state('records')).toBe('fail')
  await cluster.applyYaml(await admissionYaml(REMEDIATION))
  expect((await doctor()).state('records')).toBe('ok')
})

test('a user with few rights sees which are missing', async () => {
  await install(cluster)
  const kubeconfig = await restrictedUser(cluster, 'default', 'few', [])
  const { status, checks, state } = await doctor([], kubeconfig)
  expect(status).toBe(1)
  expect(state('CRD remediations')).toBe('warn')
  expect(checks.find(({ check }) => check === 'rights to observe')?.message).toMatch(
    /^this user cannot create events, .* and \d+ more/,
  )
})

test('a cluster that does not answer is named with its context', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'podmend-'))
  try {
    const kubeconfig = join(directory, 'config')
    // Port 1 of loopback is nobody's.
    const text = readFileSync(cluster.plane.kubeconfig, 'utf8').replace(
      /https:\/\/127\.0\.0\.1:\d+/,
      'https://127.0.0.1:1',
    )
    writeFileSync(kubeconfig, text)
    const { status, out, err } = await runMend(['doctor', '--kubeconfig', kubeconfig])
    expect(err).toMatch(/^error: the API server https:\/\/127\.0\.0\.1:1 of context .* does not answer: .*ECONNREFUSED/)
    expect([status, out]).toEqual([1, ''])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
