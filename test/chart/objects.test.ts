import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/config.ts'
import { AGENT_ACCOUNT, NODE_TASK_POLICY } from '../../src/model/names.ts'
import { useControlPlane } from '../../testbed/fixture.ts'
import {
  CHART,
  containerOf,
  controllerArgs,
  NAMESPACE,
  objectsIn,
  type Rendered,
  templateOf,
  useHelm,
  valuesFlags,
} from './fixture.ts'
import { VALUE_SETS } from './values.ts'

const cluster = useControlPlane()
const helm = useHelm()

const manifestOf = (values: object, ...args: readonly string[]): Promise<string> =>
  helm('template', 'podmend', CHART, '-n', NAMESPACE, ...valuesFlags(values), ...args)

const rendered = async (values: object): Promise<readonly Rendered[]> => objectsIn(await manifestOf(values))

const named = (objects: readonly Rendered[], kind: string): readonly string[] =>
  objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name)

beforeAll(async () => {
  const { kubectl } = cluster
  await kubectl(['create', 'namespace', NAMESPACE])
  await kubectl(['create', 'namespace', 'medik8s-leases'])
  await kubectl(['label', 'namespace', NAMESPACE, 'pod-security.kubernetes.io/enforce=restricted'])
  await kubectl(['create', 'serviceaccount', 'podmend-controller', '-n', NAMESPACE])
  await kubectl(['apply', '-f', 'test/chart/monitoring-kinds.yaml'])
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all'])
})

describe.each(Object.entries(VALUE_SETS))('with %s', (_, values) => {
  test('helm lint finds nothing', async () => {
    expect(await helm('lint', '--strict', CHART, ...valuesFlags(values))).toContain('0 chart(s) failed')
  })

  test('the API server takes every object, field by field', async () => {
    const manifest = await manifestOf(values)
    const dryRun = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-']
    const output = await cluster.kubectl(dryRun, { input: manifest })
    expect(output.trim().split('\n')).toHaveLength(objectsIn(manifest).length)
  })

  test('the controller understands its flags', async () => {
    expect(parseConfig(controllerArgs(await rendered(values)), {}).kind).toBe('Config')
  })

  test('its pods may run where pods must be restricted', async () => {
    const { metadata, spec } = templateOf(await rendered(values))
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'one' }, spec }
    const input = JSON.stringify({ ...pod, spec: { ...spec, priorityClassName: undefined } })
    await cluster.kubectl(['create', '--dry-run=server', '-n', NAMESPACE, '-f', '-'], { input })
  })

  test('every object bears the labels that Helm recommends, and every namespaced one is in the release', async () => {
    for (const { kind, metadata } of await rendered(values)) {
      if (kind === 'CustomResourceDefinition') continue
      expect(metadata.labels, `${kind} ${metadata.name}`).toMatchObject({
        'app.kubernetes.io/name': 'podmend',
        'app.kubernetes.io/instance': 'podmend',
        'app.kubernetes.io/managed-by': 'Helm',
      })
      // But for the right to the leases that others share, which lies where these are.
      expect([undefined, NAMESPACE, 'medik8s-leases']).toContain(metadata.namespace)
    }
  })
})

test('a pod that asks for more than it is given would be refused there', async () => {
  const { metadata, spec } = templateOf(await rendered({}))
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, name: 'one' },
    spec: { ...spec, hostPID: true },
  }
  const input = JSON.stringify(pod)
  await expect(cluster.kubectl(['create', '--dry-run=server', '-n', NAMESPACE, '-f', '-'], { input })).rejects.toThrow(
    /violates PodSecurity "restricted/,
  )
})

describe('an action', () => {
  const bound = async (values: object) => named(await rendered(values), 'ClusterRoleBinding')

  test('is bound only when it is switched on, and its role is always there', async () => {
    const roles = named(await rendered({}), 'ClusterRole')
    expect(roles).toEqual(expect.arrayContaining(['podmend-rewrite-image', 'podmend-recycle-pod']))
    expect(await bound({})).toEqual(['podmend-observe'])
    expect(await bound({ actions: { rewriteImage: { enabled: true } } })).toEqual([
      'podmend-observe',
      'podmend-rewrite-image',
    ])
    expect(await bound({ actions: { recyclePod: { enabled: true } } })).toEqual([
      'podmend-observe',
      'podmend-recycle-pod',
    ])
  })

  test('of each role in the code has its switch in the values', async () => {
    const objects = await rendered(VALUE_SETS['all that is off switched on'] ?? {})
    const roles = named(objects, 'ClusterRole').filter((name) => !/-(view|policy-editor|approver)$/.test(name))
    expect(named(objects, 'ClusterRoleBinding')).toEqual(roles)
    expect(named(objects, 'RoleBinding').toSorted()).toEqual(named(objects, 'Role').toSorted())
  })

  test('that only people carry out has no role binding', async () => {
    const all = VALUE_SETS['all that is off switched on'] ?? {}
    for (const role of ['podmend-view', 'podmend-policy-editor', 'podmend-approver'])
      expect(await bound(all)).not.toContain(role)
  })
})

describe('the agent', () => {
  const agentOf = async (values: object) => {
    const found = (await rendered(values)).find(({ kind }) => kind === 'DaemonSet')
    return (found as unknown as { readonly spec: { readonly template: { readonly spec: AgentPod } } }).spec.template
      .spec
  }
  interface AgentPod {
    readonly hostPID?: boolean
    readonly containers: readonly {
      readonly args: readonly string[]
      readonly securityContext: {
        readonly privileged: boolean
        readonly capabilities: { readonly drop: readonly string[]; readonly add?: readonly string[] }
      }
      readonly volumeMounts: readonly { readonly name: string; readonly readOnly?: boolean }[]
    }[]
  }
  const on = (more: object = {}, actions: object = {}) => agentOf({ agent: { enabled: true, ...more }, actions })

  test('is not there unless it is asked for, nor has the controller the right to ask it anything', async () => {
    const objects = await rendered({})
    expect(named(objects, 'DaemonSet')).toEqual([])
    expect(named(objects, 'RoleBinding')).toEqual(['podmend-lead'])
  })

  test('is never privileged, and everything of the host is mounted to be read', async () => {
    const everything = VALUE_SETS['all that is off switched on'] ?? {}
    const { containers, hostPID } = await agentOf(everything)
    expect(containers).toHaveLength(1)
    expect(hostPID).toBeUndefined()
    expect(containers[0]?.securityContext).toMatchObject({ privileged: false, capabilities: { drop: ['ALL'] } })
    expect(containers[0]?.volumeMounts.map(({ readOnly }) => readOnly)).not.toContain(undefined)
  })

  test('has the capabilities to read chains only where it may inspect them', async () => {
    const capabilities = async (chains: boolean) =>
      (await on({ chains: { enabled: chains } })).containers[0]?.securityContext.capabilities.add
    expect(await capabilities(true)).toEqual(['NET_ADMIN', 'NET_RAW'])
    expect(await capabilities(false)).toBeUndefined()
  })

  test('knows the verbs of enabled actions, and the controller creates no tasks for the others', async () => {
    const verbs = async (actions: object) =>
      (await on({}, actions)).containers[0]?.args.find((arg) => arg.startsWith('--verbs='))
    expect(await verbs({})).toBe('--verbs=Inspect')
    expect(await verbs({ flagNode: { enabled: true } })).toBe('--verbs=Inspect')
    expect(await verbs({ restartRuntime: { enabled: true } })).toBe('--verbs=Inspect,RestartRuntime')
    const args = controllerArgs(
      await rendered({ agent: { enabled: true }, actions: { restartRuntime: { enabled: true } } }),
    )
    expect(args).toContain('--disable-action=RecycleSandbox')
    expect(args).not.toContain('--disable-action=RestartRuntime')
  })

  test.each(['recycleSandbox', 'restartRuntime', 'flagNode', 'installMountHelper'])(
    'must be there for the action %s',
    async (action) => {
      await expect(rendered({ actions: { [action]: { enabled: true } } })).rejects.toThrow(
        `actions.${action}.enabled needs the node agent`,
      )
    },
  )

  test('is admitted where its priority class needs a quota, as the controller is', async () => {
    const admitted = async (agent: object) => {
      const quota = (await rendered({ agent })).find(({ kind }) => kind === 'ResourceQuota')
      const { scopeSelector } = (quota as unknown as { readonly spec: { readonly scopeSelector: object } }).spec
      return scopeSelector
    }
    const naming = (...values: readonly string[]) => ({
      matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values }],
    })
    expect(await admitted({ enabled: false })).toEqual(naming('system-cluster-critical'))
    expect(await admitted({ enabled: true })).toEqual(naming('system-cluster-critical', 'system-node-critical'))
    expect(await admitted({ enabled: true, priorityClassName: 'mine' })).toEqual(naming('system-cluster-critical'))
  })

  test('answers under the name, and is held to its node by the policy, that the code knows', async () => {
    const objects = await rendered({ agent: { enabled: true } })
    expect(named(objects, 'ServiceAccount')).toContain(AGENT_ACCOUNT)
    expect(named(objects, 'ValidatingAdmissionPolicy')).toContain(NODE_TASK_POLICY)
    expect(named(objects, 'ValidatingAdmissionPolicyBinding')).toContain(NODE_TASK_POLICY)
  })

  test('holds nothing of the runtime where it is given no socket of it', async () => {
    const { containers } = await on({ criSocket: '' })
    expect(containers[0]?.args.filter((arg) => arg.startsWith('--cri-socket'))).toEqual([])
    expect(containers[0]?.volumeMounts.map(({ name }) => name)).not.toContain('runtime')
    expect((await on()).containers[0]?.args).toContain('--cri-socket=/host/runtime/containerd.sock')
  })

  test('may not lack the socket by which it would remove sandboxes', async () => {
    const values = { agent: { enabled: true, criSocket: '' }, actions: { recycleSandbox: { enabled: true } } }
    await expect(rendered(values)).rejects.toThrow('set agent.criSocket as well')
  })

  test('passes where the bus is and what confines it on to the pod that installs', async () => {
    const confined = { appArmorProfile: { type: 'Unconfined' }, seLinuxOptions: { level: 's0', type: 'spc_t' } }
    const actions = { installMountHelper: { enabled: true } }
    const args = controllerArgs(
      await rendered({ agent: { enabled: true, systemBus: { socket: '/run/bus' }, ...confined }, actions }),
    )
    expect(parseConfig(args, {})).toMatchObject({
      config: {
        agentSystemBus: '/run/bus',
        agentAppArmorProfile: confined.appArmorProfile,
        agentSeLinuxOptions: confined.seLinuxOptions,
      },
    })
    const without = controllerArgs(await rendered({ agent: { enabled: true }, actions }))
    expect(without.filter((arg) => /armor|linux/.test(arg))).toEqual([])
  })

  test('may not lack the bus by which it would restart', async () => {
    const values = {
      agent: { enabled: true, systemBus: { enabled: false } },
      actions: { restartRuntime: { enabled: true } },
    }
    await expect(rendered(values)).rejects.toThrow('set agent.systemBus.enabled=true as well')
  })
})

test('pull secrets are read only when enabled: the role is bound and the controller configured', async () => {
  const off = await rendered({})
  expect(named(off, 'ClusterRoleBinding')).not.toContain('podmend-read-pull-secrets')
  expect(containerOf(off).args).toContain('--read-pull-secrets=false')
  const on = await rendered({ readPullSecrets: { enabled: true } })
  expect(named(on, 'ClusterRoleBinding')).toContain('podmend-read-pull-secrets')
  expect(containerOf(on).args).toContain('--read-pull-secrets=true')
})

test('the rights in the chart are those of manifests/rbac.yaml', async () => {
  const rules = (objects: readonly Rendered[]) =>
    objects.flatMap(({ kind, metadata, rules }) => (kind.endsWith('Role') ? [[metadata.name, rules] as const] : []))
  const inChart = new Map(rules(await rendered({})))
  const declared = rules(objectsIn(readFileSync('manifests/rbac.yaml', 'utf8')))
  expect(declared.length).toBeGreaterThan(3)
  for (const [name, expected] of declared) expect(inChart.get(name), name).toEqual(expected)
})

test('the image is the one of this version, or the tag or digest that is asked for', async () => {
  const image = async (values: object) => containerOf(await rendered({ image: values })).image
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string }
  const digest = `sha256:${'0'.repeat(64)}`
  expect(await image({})).toBe(`podmend:${version}`)
  expect(await image({ tag: 'v2' })).toBe('podmend:v2')
  expect(await image({ tag: 'v2', digest })).toBe(`podmend@${digest}`)
})

test('the proxy for registries is set with the usual variables, and only if there is one', async () => {
  const told = async (registryProxy: object) => {
    const { env, envFrom } = containerOf(await rendered({ controller: { registryProxy } })) as unknown as {
      readonly env?: object
      readonly envFrom?: object
    }
    return { env, envFrom }
  }
  expect(await told({})).toEqual({ env: undefined, envFrom: undefined })
  expect(await told({ https: 'http://proxy:3128', none: '.local,10.0.0.0/8' })).toMatchObject({
    env: [
      { name: 'HTTPS_PROXY', value: 'http://proxy:3128' },
      { name: 'NO_PROXY', value: '.local,10.0.0.0/8' },
    ],
  })
  expect(await told({ existingSecret: 'proxy' })).toMatchObject({ envFrom: [{ secretRef: { name: 'proxy' } }] })
})

test('another text of hosts.toml makes other pods', async () => {
  const template = async (text: string) =>
    JSON.stringify(templateOf(await rendered({ controller: { registryHosts: { 'a.io': text } } })).metadata)
  expect(await template('server = "http://a"')).not.toBe(await template('server = "http://b"'))
})

test('manifests/install.yaml is the chart, without what is Helm’s', async () => {
  const text = readFileSync('manifests/install.yaml', 'utf8')
  expect(text).not.toMatch(/helm\.sh|managed-by/)
  const keys = (objects: readonly Rendered[]) =>
    objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted()
  expect(keys(objectsIn(text))).toEqual([...keys(await rendered({})), `Namespace ${NAMESPACE}`].toSorted())
  await cluster.kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', 'manifests/install.yaml'])
})
