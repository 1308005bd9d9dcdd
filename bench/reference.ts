/**
 * The same job as one would write it on `makeInformer` and the typed API of @kubernetes/client-node, as a process of its
 * own: it caches all pods, reads the owner, writes a record with the intent, acts, and verifies from the cache. It does no
 * more: no policies, no guardrails, no Events, and it reads neither namespace nor node. Prints `ready`.
 */
import { parseArgs } from 'node:util'
import {
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  makeInformer,
  type V1Deployment,
  type V1ObjectMeta,
  type V1Pod,
} from '@kubernetes/client-node'

interface StoredRecord {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion: string }
}

const { values } = parseArgs({
  options: { kubeconfig: { type: 'string', default: '' }, namespace: { type: 'string', default: '' } },
})
const RECORDS = { group: 'podmend.io', version: 'v1alpha1', plural: 'remediations' }
const STABILIZATION_MS = 10_000
const REMEDY = values.namespace.endsWith('rewrite') ? 'RewriteImage' : 'RecyclePod'

const config = new KubeConfig()
config.loadFromFile(values.kubeconfig)
const core = config.makeApiClient(CoreV1Api)
const apps = config.makeApiClient(AppsV1Api)
const objects = config.makeApiClient(CustomObjectsApi)

const failing = (pod: V1Pod) =>
  pod.status?.containerStatuses?.find(({ state }) =>
    ['ErrImagePull', 'ImagePullBackOff'].includes(state?.waiting?.reason ?? ''),
  )

const controllerOf = (metadata: V1ObjectMeta | undefined) =>
  metadata?.ownerReferences?.find(({ controller }) => controller)

const now = (): string => new Date().toISOString()

const ownerOf = async (pod: V1Pod, namespace: string): Promise<V1Deployment | undefined> => {
  const above = controllerOf(pod.metadata)
  if (above?.kind !== 'ReplicaSet') return undefined
  const set = await apps.readNamespacedReplicaSet({ name: above.name, namespace })
  const top = controllerOf(set.metadata)
  return top?.kind === 'Deployment' ? apps.readNamespacedDeployment({ name: top.name, namespace }) : undefined
}

const specOf = (pod: V1Pod, owner: V1Deployment, namespace: string, message: string) => ({
  policy: { name: namespace, uid: 'none', generation: 1 },
  cause: 'RegistryUnreachable',
  target: {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace,
    name: owner.metadata?.name,
    uid: owner.metadata?.uid,
  },
  templateHash: pod.metadata?.labels?.['pod-template-hash'] ?? '',
  message,
})

const writeStatus = async (record: StoredRecord, status: object): Promise<StoredRecord> => {
  const { name, namespace } = record.metadata
  const body = { ...record, status }
  return (await objects.replaceNamespacedCustomObjectStatus({ ...RECORDS, name, namespace, body })) as StoredRecord
}

const act = async (pod: V1Pod, owner: V1Deployment, namespace: string): Promise<unknown> => {
  const { name = '', uid = '', resourceVersion = '' } = pod.metadata ?? {}
  if (REMEDY === 'RecyclePod') {
    return core.deleteNamespacedPod({ name, namespace, body: { preconditions: { uid, resourceVersion } } })
  }
  const path = '/spec/template/spec/containers/0/image'
  const image = owner.spec?.template.spec?.containers[0]?.image ?? ''
  return apps.patchNamespacedDeployment({
    name: owner.metadata?.name ?? '',
    namespace,
    body: [
      { op: 'test', path: '/metadata/uid', value: owner.metadata?.uid },
      { op: 'test', path, value: image },
      { op: 'replace', path, value: image.replace('/old/', '/new/') },
    ],
  })
}

const informer = makeInformer<V1Pod>(config, '/api/v1/pods', () => core.listPodForAllNamespaces())

/** From the cache alone: whether a pod of this owner other than the broken one runs. */
const hasRunningPod = (broken: V1Pod, hashOfOwner: string, namespace: string): boolean =>
  informer
    .list(namespace)
    .some(
      (pod) =>
        pod.metadata?.uid !== broken.metadata?.uid &&
        pod.metadata?.labels?.['bench.podmend.io/workload'] === hashOfOwner &&
        pod.status?.containerStatuses?.every(({ started }) => started) === true,
    )

const started = new Set<string>()
const unverified = new Set<() => void>()

const repair = async (pod: V1Pod, message: string): Promise<void> => {
  const { namespace = '', labels = {} } = pod.metadata ?? {}
  const owner = await ownerOf(pod, namespace)
  if (!owner) return
  const name = `${owner.metadata?.name}-image`
  const body = {
    apiVersion: 'podmend.io/v1alpha1',
    kind: 'Remediation',
    metadata: { name, namespace },
    spec: specOf(pod, owner, namespace, message),
  }
  const made = (await objects.createNamespacedCustomObject({ ...RECORDS, namespace, body })) as StoredRecord
  const step = { index: 0, attempt: 1, action: REMEDY, state: 'Intended', planHash: '0', intendedAt: now() }
  const intended = await writeStatus(made, { phase: 'Running', attempts: [now()], steps: [step] })
  await act(pod, owner, namespace)
  const done = { ...step, state: 'Done', actedAt: now() }
  const acted = await writeStatus(intended, { phase: 'Verifying', attempts: [now()], steps: [done] })
  const verify = (): void => {
    if (!hasRunningPod(pod, labels['bench.podmend.io/workload'] ?? '', namespace)) return
    unverified.delete(verify)
    setTimeout(() => {
      const steps = [{ ...done, state: 'Succeeded', finishedAt: now() }]
      writeStatus(acted, { phase: 'Succeeded', attempts: [now()], steps }).catch(complain)
    }, STABILIZATION_MS)
  }
  unverified.add(verify)
  verify()
}

const complain = (error: unknown): void => void process.stderr.write(`reference: ${String(error)}\n`)

const consider = (pod: V1Pod): void => {
  const uid = pod.metadata?.uid ?? ''
  const found = failing(pod)
  if (found && pod.metadata?.namespace === values.namespace && !pod.metadata.deletionTimestamp && !started.has(uid)) {
    started.add(uid)
    repair(pod, found.state?.waiting?.message ?? '').catch(complain)
  }
  for (const verify of unverified) verify()
}

informer.on('add', consider)
informer.on('update', consider)
informer.on('error', (error) => {
  complain(error)
  setTimeout(() => void informer.start(), 1_000)
})
await informer.start()
process.stdout.write('ready\n')
