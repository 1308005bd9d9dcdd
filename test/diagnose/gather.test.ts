import { beforeAll, describe, expect, test } from 'vitest'
import { createGather } from '../../src/diagnose/gather.ts'
import { buildIncident } from '../../src/diagnose/incident.ts'
import { readOwner } from '../../src/diagnose/owner/owner-chain.ts'
import type { Credential } from '../../src/diagnose/registry/auth.ts'
import type { KubeClient, Reads } from '../../src/kube/client.ts'
import type { FactName, Facts, Incident, RegistryAnswer } from '../../src/model/incident.ts'
import type { Pod } from '../../src/model/kubernetes.ts'
import { eventually, useControlPlane } from '../../testbed/fixture.ts'
import { clientOf } from '../act/plans.ts'

const cluster = useControlPlane()
let client: KubeClient
let ns: string
beforeAll(async () => {
  client = await clientOf(cluster.plane.kubeconfig)
  ns = await cluster.namespace('gather')
})

const IMAGE = 'harbor.od.com/k8s/coredns:1.6.1'
const HAVE: Facts = { registry: {} }

/** A registry that only remembers with what it was asked. */
const listening = (answer: RegistryAnswer = { kind: 'tagMissing', message: 'no' }) => {
  const asked: { image: string; credentials: readonly Credential[] }[] = []
  const ask = async (image: string, credentials: readonly Credential[]) => {
    asked.push({ image, credentials })
    return answer
  }
  const list = () => Promise.reject(new Error('no names are asked for'))
  return { asked, registry: { ask, list } }
}

const deploy = (name: string, replicas: number, more: object = {}) =>
  cluster.applyYaml(
    JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: IMAGE }], ...more } },
      },
    }),
    { namespace: ns },
  )

const podsOf = (name: string, count: number) =>
  eventually(async () => {
    const { items } = await client.list<Pod>(`/api/v1/namespaces/${ns}/pods`, { labelSelector: `app=${name}` })
    if (items.length < count) throw new Error(`${name} has ${items.length} pods`)
    return items
  })

const incidentOf = async (pod: Pod): Promise<Incident> => {
  const finding = {
    container: 'c',
    init: false,
    image: IMAGE,
    cause: 'ManifestNotFound',
    message: '',
    source: 'kubelet',
    possibleCauses: [],
  } as const
  return buildIncident({
    owner: await readOwner(pod, client),
    area: 'image',
    pods: [{ pod, findings: [finding], since: 0 }],
  })
}

const gatherWith = (reads: KubeClient, registry = listening().registry) => createGather({ reads, registry })

const secret = (name: string, type: string, data: Record<string, string>) =>
  cluster.applyYaml(JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, type, stringData: data }), {
    namespace: ns,
  })

const dockerConfig = (user: string, host = 'harbor.od.com') =>
  JSON.stringify({ auths: { [host]: { username: user, password: 'secret-word' } } })

describe('facts', () => {
  test('of pods are all of the owner’s, of every revision, and no stranger’s with the same labels', async () => {
    await deploy('web', 2)
    await podsOf('web', 2)
    await cluster.kubectl(['set', 'image', 'deployment/web', 'c=harbor.od.com/k8s/coredns:2', '-n', ns])
    const pods = await podsOf('web', 3)
    const stranger = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'stranger', labels: { app: 'web' } },
      spec: { containers: [{ name: 'c', image: IMAGE }] },
    }
    await cluster.applyYaml(JSON.stringify(stranger), { namespace: ns })
    const incident = await incidentOf(pods[0] as Pod)
    // A ReplicaSet does not adopt it: its selector has the template hash as well.
    const facts = await gatherWith(client)(incident, [{ fact: 'pods' }], HAVE)
    const found = facts.pods?.known === true ? facts.pods.value.map(({ metadata }) => metadata.name) : []
    expect(found.toSorted()).toEqual(pods.map(({ metadata }) => metadata.name).toSorted())
    expect(new Set(pods.map(({ metadata }) => metadata.labels?.['pod-template-hash'])).size).toBe(2)
  })

  test('of a bare pod are that pod, and none once it is gone', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'bare' },
      spec: { containers: [{ name: 'c', image: IMAGE }] },
    }
    await cluster.applyYaml(JSON.stringify(pod), { namespace: ns })
    const incident = await incidentOf(await cluster.get<Pod>('pod', 'bare', '-n', ns))
    const gather = gatherWith(client)
    expect((await gather(incident, [{ fact: 'pods' }], HAVE)).pods).toMatchObject({
      known: true,
      value: [{ metadata: { name: 'bare' } }],
    })
    await cluster.kubectl(['delete', 'pod', 'bare', '-n', ns, '--grace-period=0', '--force'])
    expect((await gather(incident, [{ fact: 'pods' }], HAVE)).pods).toEqual({ known: true, value: [] })
  })

  test('of namespace and node are read at once and added to those at hand', async () => {
    await cluster.applyYaml(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: 'n1', labels: { 'node-role.kubernetes.io/control-plane': '' } },
      }),
    )
    await deploy('placed', 1, { nodeName: 'n1' })
    const incident = await incidentOf((await podsOf('placed', 1))[0] as Pod)
    const pods = { known: true, value: [] } as const
    const facts = await gatherWith(client)(incident, [{ fact: 'namespace' }, { fact: 'node' }], { ...HAVE, pods })
    expect(facts).toMatchObject({
      namespace: { known: true, value: { name: ns, labels: { 'kubernetes.io/metadata.name': ns } } },
      node: { known: true, value: { name: 'n1', controlPlane: true, ready: false } },
      pods,
    })
  })

  test('that may not be read are unknown, and name the right', async () => {
    await deploy('locked', 1, { nodeName: 'n1', imagePullSecrets: [{ name: 'any' }] })
    const incident = await incidentOf((await podsOf('locked', 1))[0] as Pod)
    const nobody = await clientOf(await cluster.plane.userKubeconfig('nobody'))
    const names: FactName[] = [
      { fact: 'namespace' },
      { fact: 'node' },
      { fact: 'pods' },
      { fact: 'registry', image: IMAGE },
    ]
    const facts = await gatherWith(nobody)(incident, names, HAVE)
    expect(facts).toMatchObject({
      namespace: { known: false, why: expect.stringContaining('the right to get namespaces') },
      node: { known: false, why: 'the right to get nodes is missing' },
      pods: { known: false, why: `the right to list pods in namespace ${ns} is missing` },
      registry: { [IMAGE]: { known: true } },
      pullSecrets: {
        known: true,
        value: [expect.stringContaining(`the right to get secrets in namespace ${ns} is missing`)],
      },
    })
  })
})

describe('a registry is asked', () => {
  const askedBy = async (spec: object, name: string, answer?: RegistryAnswer) => {
    await deploy(name, 1, spec)
    const incident = await incidentOf((await podsOf(name, 1))[0] as Pod)
    const { asked, registry } = listening(answer)
    const names: FactName[] = [
      { fact: 'registry', image: IMAGE },
      { fact: 'registry', image: 'nginx:1' },
    ]
    const facts = await gatherWith(client, registry)(incident, names, HAVE)
    return { asked, sentences: facts.pullSecrets?.known === true ? facts.pullSecrets.value : [], facts }
  }
  const users = (asked: readonly { image: string; credentials: readonly Credential[] }[], image: string) =>
    asked.find((one) => one.image === image)?.credentials.map(({ username }) => username)

  test('with the pod’s own pull secrets for that host, whatever the others are', async () => {
    await secret('good', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': dockerConfig('robot') })
    await secret('old', 'kubernetes.io/dockercfg', {
      '.dockercfg': JSON.stringify({ 'https://index.docker.io/v1/': { auth: btoa('hub:x') } }),
    })
    await secret('opaque', 'Opaque', { '.dockerconfigjson': dockerConfig('no') })
    const names = ['good', 'old', 'opaque', 'missing', '../../../kube-system/secrets/x'].map((name) => ({ name }))
    const { asked, sentences, facts } = await askedBy({ imagePullSecrets: names }, 'secrets')
    expect(users(asked, IMAGE)).toEqual(['robot'])
    expect(users(asked, 'docker.io/library/nginx:1')).toEqual(['hub'])
    const said = sentences.join('\n')
    for (const part of [
      'has credentials for harbor.od.com',
      'of type Opaque',
      `secrets missing in namespace ${ns} does not exist`,
      'is not used: its name is not valid',
    ]) {
      expect(said).toContain(part)
    }
    expect(JSON.stringify(facts)).not.toContain('secret-word')
  })

  test('with secrets that are read once, however often more is asked', async () => {
    await secret('once', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': dockerConfig('robot') })
    await deploy('once', 1, { imagePullSecrets: [{ name: 'once' }] })
    const incident = await incidentOf((await podsOf('once', 1))[0] as Pod)
    const { asked, registry } = listening()
    const paths: string[] = []
    const reads: Reads = {
      get: (path, options) => {
        paths.push(path)
        return client.get(path, options)
      },
      list: (path, options) => client.list(path, options),
    }
    const gather = createGather({ reads, registry })
    const first = await gather(incident, [{ fact: 'registry', image: IMAGE }], HAVE)
    const second = await gather(incident, [{ fact: 'registry', image: 'harbor.od.com/public/coredns:1.6.1' }], first)
    expect(paths).toHaveLength(1)
    expect(asked.map(({ credentials }) => credentials[0]?.username)).toEqual(['robot', 'robot'])
    expect(Object.keys(second.registry)).toHaveLength(2)
  })

  test('anonymously where secrets are not to be read', async () => {
    await deploy('closed', 1, { imagePullSecrets: [{ name: 'once' }] })
    const incident = await incidentOf((await podsOf('closed', 1))[0] as Pod)
    const { asked, registry } = listening()
    const gather = createGather({ reads: client, registry, readPullSecrets: false })
    const facts = await gather(incident, [{ fact: 'registry', image: IMAGE }], HAVE)
    expect(asked).toEqual([{ image: IMAGE, credentials: [] }])
    expect(facts.pullSecrets).toMatchObject({ value: [expect.stringContaining('are not read')] })
  })

  test('anonymously if the pod names no secret, and a later secret of the service account is reported', async () => {
    await cluster.applyYaml(JSON.stringify({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'late' } }), {
      namespace: ns,
    })
    await deploy('late', 1, { serviceAccountName: 'late' })
    await podsOf('late', 1)
    await cluster.applyYaml(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'late' },
        imagePullSecrets: [{ name: 'good' }],
      }),
      { namespace: ns },
    )
    const { asked, sentences } = await askedBy({ serviceAccountName: 'late' }, 'late', {
      kind: 'denied',
      message: '401',
      withCredentials: false,
    })
    expect(users(asked, IMAGE)).toEqual([])
    expect(sentences.join()).toContain('service account late has pull secret good')
  })
})
