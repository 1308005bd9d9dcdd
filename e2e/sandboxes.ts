import type { Pod } from '../src/model/kubernetes.ts'
import { onNode } from './nodes.ts'
import type { Fixture } from './scenario.ts'

/** Ends the sandboxes of these pods as a kernel short of memory does. In namespaces `e2e-sandbox-…` they stay dead. */
export const killSandboxes = async (fixture: Fixture, node: string, pods: readonly Pod[]): Promise<void> => {
  const uids = pods.map(({ metadata }) => metadata.uid).join(' ')
  const labels = `labels.\\"io.kubernetes.pod.uid\\"==$uid,labels.\\"io.cri-containerd.kind\\"==sandbox`
  const kill = `ctr -n k8s.io task kill -s SIGKILL "$(ctr -n k8s.io containers list -q "${labels}")"`
  await onNode(fixture, node, `for uid in ${uids}; do ${kill}; done`)
}
