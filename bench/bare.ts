/**
 * The least that a controller can do, as a process of its own: it reads a line of the watch, gets the pod, and deletes it
 * with the uid and resourceVersion that it read. F is measured on it. Prints `ready`, then the ms from line to response.
 */
import { parseArgs } from 'node:util'
import { createKubeClient } from '../src/kube/client.ts'
import { loadKubeConnection } from '../src/kube/connection.ts'
import { pathOf } from '../src/kube/paths.ts'
import type { Pod } from '../src/model/kubernetes.ts'

const { values } = parseArgs({ options: { kubeconfig: { type: 'string' } } })
const client = createKubeClient(await loadKubeConnection({ kubeconfig: values.kubeconfig }), { userAgent: 'bare' })

const print = (text: string): void => void process.stdout.write(`${text}\n`)
const seen = new Set<string>()

const recycle = async ({ metadata: { namespace, name } }: Pod, began: number): Promise<void> => {
  const path = pathOf({ kind: 'Pod', namespace, name })
  const { metadata } = await client.get<Pod>(path)
  const { uid, resourceVersion } = metadata
  await client.remove(path, { preconditions: { uid, resourceVersion } })
  print(String(performance.now() - began))
}

const { lines } = await client.stream(pathOf({ kind: 'Pod' }), {
  fieldSelector: 'status.phase=Pending,spec.nodeName!=',
  sendInitialEvents: true,
  resourceVersionMatch: 'NotOlderThan',
  allowWatchBookmarks: true,
})
for await (const line of lines) {
  const began = performance.now()
  const { type, object } = JSON.parse(line) as { type: string; object: Pod }
  if (object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true') print('ready')
  const fails = object.status?.containerStatuses?.some(({ state }) => state?.waiting?.reason === 'ErrImagePull')
  if (type === 'DELETED' || !fails || seen.has(object.metadata.uid)) continue
  seen.add(object.metadata.uid)
  recycle(object, began).catch((error: unknown) => process.stderr.write(`bare: ${String(error)}\n`))
}
