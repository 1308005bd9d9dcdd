import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { RemediationPolicy } from '../../src/api/kinds.ts'
import { startController } from '../../testbed/controller.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { ACCOUNT, CHART, mayController, NAMESPACE, objectsIn, useHelm, valuesFlags } from './fixture.ts'

const cluster = useControlPlane()
const helm = useHelm()
const directory = mkdtempSync(join(tmpdir(), 'podmend-chart-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const release = (verb: string, ...args: readonly string[]): Promise<string> =>
  helm(verb, 'podmend', '-n', NAMESPACE, '--kubeconfig', cluster.plane.kubeconfig, ...args)

/** With these values and no others: Helm keeps the last ones where none are given. */
const upgrade = (values: object, ...args: readonly string[]): Promise<string> =>
  release('upgrade', '--install', '--create-namespace', '--reset-values', CHART, ...valuesFlags(values), ...args)

const POLICIES = 'remediationpolicies.podmend.io'
const CRDS = [POLICIES, 'remediations.podmend.io']

interface Crd {
  readonly metadata: { readonly annotations?: Record<string, string> }
  readonly spec: { readonly versions: readonly [{ readonly schema: unknown; readonly selectableFields?: unknown }] }
}
const schemaOf = async (name: string) => JSON.stringify((await cluster.get<Crd>('crd', name)).spec.versions[0].schema)

const policyNamed = (name: string): string => `
apiVersion: podmend.io/v1alpha1
kind: RemediationPolicy
metadata: {name: ${name}}
spec:
  mode: Observe
  match: {causes: [ProjectNotFound]}
  actions: [{type: RecyclePod}]
`

const mayPatchDeployments = () => mayController(cluster, { verb: 'patch', group: 'apps', resource: 'deployments' })
const mayDeletePods = () => mayController(cluster, { verb: 'delete', resource: 'pods' })
const mayReadSecrets = () => mayController(cluster, { verb: 'get', resource: 'secrets' })
const settles = (question: () => Promise<boolean>, answer: boolean) =>
  eventually(async () => expect(await question()).toBe(answer))

/** Everything that bears the release's name, whatever it is. */
const left = async (): Promise<readonly string[]> => {
  const kinds = await cluster.kubectl(['api-resources', '--verbs=list', '-o', 'name'])
  const list = kinds.trim().split('\n').join(',')
  const found = await cluster.kubectl(['get', list, '-A', '-l', 'app.kubernetes.io/instance=podmend', '-o', 'name'])
  return found.trim().split('\n').filter(Boolean)
}

/** Clearing up waits for the API server's own finalizers, which on a busy machine now and then miss their turn. */
const twice = <T>(work: () => Promise<T>): Promise<T> => work().catch(work)

afterEach(async () => {
  await twice(() => release('uninstall', '--ignore-not-found', '--wait', '--timeout', '60s'))
  await twice(() => cluster.kubectl(['delete', 'crd', '--ignore-not-found', '--timeout=60s', ...CRDS]))
  await twice(() => cluster.kubectl(['delete', '-f', 'test/chart/before.yaml', '--ignore-not-found', '--timeout=60s']))
}, 300_000)

/** A chart as an earlier version could have been: without one field, and with a lower version. */
const olderChart = (): string => {
  const chart = join(directory, 'older')
  cpSync(CHART, chart, { recursive: true })
  const edit = (file: string, change: (text: string) => string): void => {
    const path = join(chart, file)
    const before = readFileSync(path, 'utf8')
    const after = change(before)
    if (after === before) throw new Error(`${file} is as it was`)
    writeFileSync(path, after)
  }
  edit('Chart.yaml', (text) => text.replaceAll(/ersion: \d+\.\d+\.\d+/g, 'ersion: 0.0.1'))
  edit(`files/crds/${POLICIES}.yaml`, (text) => text.replaceAll(/\bsuspend:/g, 'formerly:'))
  return chart
}
let older = ''
beforeAll(() => {
  older = olderChart()
})

test('an upgrade brings the fields of the kinds up to date, and leaves policies as they are', async () => {
  await release('install', '--create-namespace', older)
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', ...CRDS])
  expect(await schemaOf(POLICIES)).not.toContain('"suspend"')
  await cluster.applyYaml(policyNamed('kept'))
  const before = await cluster.get<RemediationPolicy>(POLICIES, 'kept')

  await upgrade({})
  expect(await schemaOf(POLICIES)).toContain('"suspend"')
  const after = await cluster.get<RemediationPolicy>(POLICIES, 'kept')
  expect(after.metadata.uid).toBe(before.metadata.uid)
  await eventually(() =>
    cluster.kubectl(['patch', POLICIES, 'kept', '--type=merge', '-p', '{"spec":{"suspend":true}}']),
  )
  expect((await cluster.get<RemediationPolicy>(POLICIES, 'kept')).spec.suspend).toBe(true)
})

test('what was applied with kubectl is taken over when asked for, with its policies and its lease', async () => {
  await cluster.kubectl(['apply', '-f', 'test/chart/before.yaml'])
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', ...CRDS])
  await cluster.applyYaml(policyNamed('kept'))
  await expect(upgrade({})).rejects.toThrow(/invalid ownership metadata/)

  await upgrade({}, '--take-ownership', '--force-conflicts')
  expect(await schemaOf(POLICIES)).toContain('"suspend"')
  expect(await cluster.kubectl(['get', POLICIES, 'kept', '-o', 'name'])).toContain('kept')
  const lease = await cluster.get<{ spec: { holderIdentity: string } }>('lease', 'podmend', '-n', NAMESPACE)
  expect(lease.spec.holderIdentity).toBe('somebody')
  await settles(() => mayController(cluster, { verb: 'list', group: 'podmend.io', resource: 'remediations' }), true)
})

test('a release that had no kinds in it gets them by an upgrade', async () => {
  await upgrade({ crds: { enabled: false } })
  expect(await cluster.kubectl(['get', 'crd', '-o', 'name'])).not.toContain(POLICIES)
  await upgrade({})
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', ...CRDS])
  await upgrade({ crds: { enabled: false } })
  expect(await cluster.kubectl(['get', 'crd', POLICIES, '-o', 'name'])).toContain(POLICIES)
})

test('an action that is switched on gives its right, and switched off takes it back', async () => {
  await upgrade({})
  await settles(() => mayController(cluster, { verb: 'list', resource: 'pods' }), true)
  expect([await mayPatchDeployments(), await mayDeletePods(), await mayReadSecrets()]).toEqual([false, false, false])

  await upgrade({ actions: { recyclePod: { enabled: true } } })
  await settles(mayDeletePods, true)
  expect([await mayPatchDeployments(), await mayReadSecrets()]).toEqual([false, false])

  await upgrade({ actions: { rewriteImage: { enabled: true } }, readPullSecrets: { enabled: true } })
  await settles(mayPatchDeployments, true)
  await settles(mayReadSecrets, true)

  const off = { actions: { rewriteImage: { enabled: false } }, readPullSecrets: { enabled: false } }
  await release('upgrade', '--reset-then-reuse-values', CHART, ...valuesFlags(off))
  await settles(mayPatchDeployments, false)
  await settles(mayDeletePods, false)
  await settles(mayReadSecrets, false)
})

test('what it may do is said after each install and upgrade, and how to stop it', async () => {
  const first = await upgrade({})
  expect(first).toContain('It runs in observe-only mode')
  expect(first).toContain('It reads no secrets')
  expect(first).toContain('kubectl annotate namespace podmend-system podmend.io/paused=true')
  const second = await upgrade({ actions: { rewriteImage: { enabled: true } }, readPullSecrets: { enabled: true } })
  expect(second).toContain('Enabled actions: RewriteImage.')
  expect(second).not.toContain('It reads no secrets')
})

test('a viewer of a namespace sees its remediations; no one may approve or write policies yet', async () => {
  await upgrade({})
  const access = async (group: string, verb: string, resource: string) => {
    const kubeconfig = await cluster.plane.userKubeconfig(`some-${group}`)
    const answer = cluster.kubectl(['auth', 'can-i', verb, resource, '-n', 'default'], { kubeconfig })
    return answer.then(
      (text) => text.trim() === 'yes',
      () => false,
    )
  }
  for (const role of ['view', 'edit', 'admin']) {
    await cluster.kubectl([
      'create',
      'rolebinding',
      `some-${role}`,
      '-n',
      'default',
      `--clusterrole=${role}`,
      `--user=some-${role}`,
    ])
    await settles(() => access(role, 'watch', 'remediations.podmend.io'), true)
    expect(await access(role, 'patch', 'remediations.podmend.io')).toBe(false)
    expect(await access(role, 'approve', 'remediations.podmend.io')).toBe(false)
    expect(await access(role, 'update', POLICIES)).toBe(false)
  }
})

test('its replicas are made although their priority class is a critical one', async () => {
  await upgrade({})
  await eventually(async () => {
    const pods = await cluster.kubectl([
      'get',
      'pods',
      '-n',
      NAMESPACE,
      '-o',
      'jsonpath={.items[*].spec.priorityClassName}',
    ])
    expect(pods).toBe('system-cluster-critical system-cluster-critical')
  })
})

test('an uninstall leaves the kinds and what is in them, and nothing else', async () => {
  const all = {
    actions: { rewriteImage: { enabled: true } },
    readPullSecrets: { enabled: true },
    dashboard: { enabled: true },
  }
  await upgrade(all)
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', ...CRDS])
  await cluster.applyYaml(policyNamed('kept'))
  const installed = objectsIn(
    await helm('get', 'manifest', 'podmend', '-n', NAMESPACE, '--kubeconfig', cluster.plane.kubeconfig),
  ).filter(({ kind }) => kind !== 'CustomResourceDefinition')
  await eventually(async () => expect((await left()).length).toBeGreaterThanOrEqual(installed.length))

  await release('uninstall', '--wait')
  await eventually(async () => expect(await left()).toEqual([]))
  expect(await cluster.kubectl(['get', POLICIES, 'kept', '-o', 'name'])).toContain('kept')

  await upgrade({})
  expect(await cluster.kubectl(['get', POLICIES, 'kept', '-o', 'name'])).toContain('kept')
})

test('an uninstall takes the lease along although the controller, as long as it lives, goes on asking for it', async () => {
  await upgrade({})
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', ...CRDS])
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${NAMESPACE}`, 'system:authenticated']
  const controller = await startController({ kubeconfig: await cluster.plane.userKubeconfig(ACCOUNT, groups) })
  onTestFinished(async () => void (await controller.kill('SIGKILL')))
  const lease = ['get', 'lease', '-n', NAMESPACE, '-o', 'jsonpath={.items[*].spec.holderIdentity}']
  await eventually(async () => expect(await cluster.kubectl(lease)).not.toBe(''), { timeoutMs: 30_000 })

  await release('uninstall', '--wait')
  const lost = () => controller.logs.filter(({ message }) => message === 'lease not renewed').length
  await eventually(async () => expect(lost()).toBeGreaterThan(1), { timeoutMs: 60_000 })
  expect(await cluster.kubectl(['get', 'lease', '-n', NAMESPACE, '-o', 'name'])).toBe('')
})
