/** What explains a failure, written to a folder that stays. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from './environment.ts'
import { NAMESPACE } from './operator.ts'

const NAMESPACED = 'rem,deploy,rs,sts,ds,jobs,cronjobs,pods,pdb'

/** Logs of the operator and of the kubelets, Events and objects; whatever cannot be read says so in its file. */
export const keepEvidence = async (
  environment: Environment,
  folder: string,
  scenario: string,
  error: unknown,
): Promise<void> => {
  const { cluster, operator, registries } = environment
  const into = join(folder, scenario)
  mkdirSync(into, { recursive: true })
  const write = async (name: string, read: () => string | Promise<string>): Promise<void> => {
    const text = await Promise.resolve()
      .then(read)
      .catch((cause: unknown) => `reading it failed: ${String(cause)}`)
    writeFileSync(join(into, name), text)
  }
  const namespace = `e2e-${scenario}`
  const { kubectl } = cluster
  await write('error.txt', () => (error instanceof Error ? (error.stack ?? error.message) : String(error)))
  await write('operator.log', operator.logs)
  await write('operator-before.log', () =>
    kubectl(['logs', '-n', NAMESPACE, '-l', 'app.kubernetes.io/component=controller', '--prefix', '--tail=-1', '-p']),
  )
  await write('objects.yaml', () =>
    kubectl(['get', NAMESPACED, '-n', namespace, '-o', 'yaml', '--show-managed-fields']),
  )
  await write('policies.yaml', () => kubectl(['get', 'rempol', '-o', 'yaml']))
  await write('events.txt', () => kubectl(['get', 'events', '-A', '--sort-by=.metadata.creationTimestamp']))
  await write('pods.txt', () => kubectl(['get', 'pods', '-A', '-o', 'wide']))
  await write('operator.yaml', () => kubectl(['get', 'deploy,pods,lease', '-n', NAMESPACE, '-o', 'yaml']))
  for (const [host, { requests }] of Object.entries(registries.at)) {
    await write(`registry-${host}.jsonl`, () => requests.map((each) => JSON.stringify(each)).join('\n'))
  }
  for (const node of cluster.nodes) {
    await write(`kubelet-${node}.log`, () => cluster.exec(node, ['journalctl', '-u', 'kubelet', '-n', '3000']))
    await write(`containerd-${node}.log`, () => cluster.exec(node, ['journalctl', '-u', 'containerd', '-n', '1000']))
  }
}
