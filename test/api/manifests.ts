import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts'
import { loadKubeConnection } from '../../src/kube/connection.ts'
import { KubeError } from '../../src/kube/errors.ts'
import type { TestCluster } from '../../testbed/fixture.ts'

export const ROOT = join(import.meta.dirname, '../..')

/** The files of a folder of manifests, by name. */
export const manifests = async (folder: string): Promise<readonly { name: string; text: string }[]> => {
  const names = (await readdir(join(ROOT, folder))).filter((name) => name.endsWith('.yaml')).toSorted()
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(join(ROOT, folder, name), 'utf8') })))
}

/** Installs the CRDs and gives a client for the administrator. */
export const withCrds = async (cluster: TestCluster): Promise<KubeClient> => {
  for (const { text } of await manifests('crds')) await cluster.applyYaml(text)
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'])
  return createKubeClient(await loadKubeConnection({ kubeconfig: cluster.plane.kubeconfig }), {
    userAgent: 'podmend-test',
  })
}

export interface RefusedField {
  readonly field: string
  readonly message: string
}

/** What the API server objects to, field by field; empty where it accepts. Anything but 422 is thrown on. */
export const refusals = async (request: Promise<unknown>): Promise<readonly RefusedField[]> => {
  try {
    await request
    return []
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 422) throw error
    return (error.details?.causes ?? []).map(({ field = '', message = '' }) => ({ field, message }))
  }
}
