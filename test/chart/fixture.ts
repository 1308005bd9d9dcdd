/** Helm and the chart, as the tests use them. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { TestCluster } from '../../testbed/fixture.ts'
import { helmBinary } from '../../testbed/machine/helm.ts'

export const CHART = 'charts/podmend'
export const NAMESPACE = 'podmend-system'
export const ACCOUNT = `system:serviceaccount:${NAMESPACE}:podmend-controller`

/** An object as a manifest has it. */
export interface Rendered {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> }
  readonly rules?: readonly unknown[]
  readonly spec?: unknown
}

/** Runs helm with a home of its own; standard output, or an error with what it said. */
export const useHelm = () => {
  const home = mkdtempSync(join(tmpdir(), 'podmend-helm-'))
  afterAll(() => rmSync(home, { recursive: true, force: true }))
  return async (...args: readonly string[]): Promise<string> => {
    const env = { HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home, HOME: home }
    const { stdout } = await promisify(execFile)(await helmBinary(), args, { env, maxBuffer: 2 ** 26 })
    return stdout
  }
}

/** Values as one flag of helm. */
export const valuesFlags = (values: object): readonly string[] =>
  Object.entries(values).flatMap(([key, value]) => ['--set-json', `${key}=${JSON.stringify(value)}`])

export const objectsIn = (manifest: string): readonly Rendered[] =>
  parseAllDocuments(manifest).flatMap((document) => {
    const [error] = document.errors
    if (error) throw new Error('reading a manifest', { cause: error })
    return (document.toJS() as Rendered | null) ?? []
  })

export interface PodTemplate {
  readonly metadata: object
  readonly spec: { readonly containers: readonly Container[] }
}

export interface Container {
  readonly image: string
  readonly args: readonly string[]
}

export const templateOf = (objects: readonly Rendered[]): PodTemplate => {
  const deployment = objects.find(({ kind }) => kind === 'Deployment')
  if (!deployment) throw new Error('the chart renders no Deployment')
  return (deployment.spec as { readonly template: PodTemplate }).template
}

export const containerOf = (objects: readonly Rendered[]): Container => {
  const [container] = templateOf(objects).spec.containers
  if (!container) throw new Error('the Deployment has no container')
  return container
}

/** The flags with which the chart runs the controller. */
export const controllerArgs = (objects: readonly Rendered[]): readonly string[] => containerOf(objects).args

interface Access {
  readonly verb: string
  readonly group?: string
  readonly resource: string
  readonly subresource?: string
  readonly namespace?: string
}

/** Asks the API server whether the controller's service account may do something. */
export const mayController = async ({ kubectl }: TestCluster, resourceAttributes: Access): Promise<boolean> => {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: ACCOUNT,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${NAMESPACE}`, 'system:authenticated'],
      resourceAttributes,
    },
  }
  const answer = await kubectl(['create', '-f', '-', '-o', 'json'], { input: JSON.stringify(review) })
  return (JSON.parse(answer) as { readonly status: { readonly allowed: boolean } }).status.allowed
}
