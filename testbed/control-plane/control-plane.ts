import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { backUpEtcd } from './backup.ts'
import { controlPlaneBinaries } from './build.ts'
import { type Identity, kubeconfigText } from './kubeconfig.ts'
import { AUDIT_LOG, auditPolicyOf, controlPlanePrograms } from './programs.ts'
import { PortTakenError, untilReady } from './readiness.ts'
import { askSupervisor, newDirectory, startSupervisor } from './supervisor.ts'

/** A running etcd, kube-apiserver and kube-controller-manager. */
export interface ControlPlane {
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string
  /** `https://127.0.0.1:PORT` */
  readonly url: string
  readonly caFile: string
  /** Path of the audit log: JSON lines, one for each answered request, level Metadata. */
  readonly auditLog: string
  /** Path of a kubectl of the same version. */
  readonly kubectl: string
  /** Holds all its files; gone after `down`. */
  readonly directory: string
  /** Writes a kubeconfig for a further identity (a client certificate) and gives its path; RBAC decides what it may. */
  userKubeconfig(user: string, groups?: readonly string[]): Promise<string>
  /** Process ids by program name, for measuring and for signals. */
  processIds(): Promise<Record<string, number>>
  /** Ends the API server and resolves when another is ready on the same port and data. */
  restartApiServer(): Promise<void>
  /** Backs up etcd; the function that it gives restores the backup, and resolves when the API server is ready again. */
  backUp(): Promise<() => Promise<void>>
  /** Ends everything and removes the files. Also happens by itself when this process ends, unless detached. */
  down(): Promise<void>
}

export interface ControlPlaneOptions {
  /** Outlives this process; ended by `down` of `attachedControlPlane`. Default false. */
  readonly detached?: boolean
  /** Users whose writes are in the audit log with their bodies. */
  readonly auditBodiesOf?: readonly string[]
}

const CLUSTER = 'podmend-testbed'
const ATTEMPTS = 5

/** A free port below the range from which systems take ports for outgoing connections. */
const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    await new Promise((resolve) => server.close(resolve))
    if (isFree) return port
  }
}

interface Place {
  readonly binaries: string
  readonly directory: string
  readonly url: string
  readonly stop: () => Promise<void>
}

const controlPlaneAt = ({ binaries, directory, url, stop }: Place): ControlPlane => {
  const file = (name: string): string => join(directory, name)
  return {
    kubeconfig: file('admin.kubeconfig'),
    url,
    caFile: file('ca.crt'),
    auditLog: file(AUDIT_LOG),
    kubectl: join(binaries, 'kubectl'),
    directory,
    userKubeconfig: async (user, groups = []) => {
      const { certificate = '', key = '' } = await askSupervisor(directory, { do: 'certificate', user, groups })
      const path = file(`${user.replaceAll(/[^\w.-]/g, '_')}-${Date.now()}.kubeconfig`)
      const ca = readFileSync(file('ca.crt'), 'utf8')
      writeFileSync(path, kubeconfigText({ name: CLUSTER, url, ca }, user, { certificate, key }), { mode: 0o600 })
      return path
    },
    processIds: async () => {
      const { programs = [] } = await askSupervisor(directory, { do: 'status' })
      return Object.fromEntries(programs.flatMap(({ name, pid }) => (pid === undefined ? [] : [[name, pid]])))
    },
    restartApiServer: async () => {
      const program = 'kube-apiserver'
      const { exits: before = 0 } = await askSupervisor(directory, { do: 'restart', program })
      for (;;) {
        const { programs = [] } = await askSupervisor(directory, { do: 'status' })
        if (programs.some(({ name, exits, pid }) => name === program && exits > before && pid !== undefined)) break
        await sleep(25)
      }
      await untilReady(directory, url, false)
    },
    backUp: () => backUpEtcd(directory, url),
    down: stop,
  }
}

const startOnce = async (
  binaries: string,
  { detached = false, auditBodiesOf = [] }: ControlPlaneOptions,
): Promise<ControlPlane> => {
  const directory = newDirectory()
  const url = `https://127.0.0.1:${await freePort()}`
  const file = (name: string): string => join(directory, name)
  const byFile: Identity = { certificateFile: file('admin.crt'), keyFile: file('admin.key') }
  const admin = kubeconfigText({ name: CLUSTER, url, caFile: file('ca.crt') }, 'kubernetes-admin', byFile)
  writeFileSync(file('admin.kubeconfig'), admin, { mode: 0o600 })
  writeFileSync(file('audit-policy.json'), JSON.stringify(auditPolicyOf(auditBodiesOf)))
  const programs = controlPlanePrograms(directory, Number(new URL(url).port))
  const { stop } = await startSupervisor(binaries, { directory, programs, detached })
  try {
    await untilReady(directory, url, true)
  } catch (cause) {
    await stop()
    throw cause
  }
  return controlPlaneAt({ binaries, directory, url, stop })
}

/**
 * Starts a control plane on loopback, after building its binaries if this machine has not yet. Several may run at once.
 * Throws `NoGoError` where it cannot be built, else what a failing program said.
 */
export const startControlPlane = async (options: ControlPlaneOptions = {}): Promise<ControlPlane> => {
  const binaries = await controlPlaneBinaries()
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(binaries, options)
    } catch (cause) {
      if (!(cause instanceof PortTakenError) || attempt === ATTEMPTS) {
        throw new Error('starting the control plane', { cause })
      }
    }
  }
}

/** The control plane that runs detached in this directory; undefined when none does. */
export const attachedControlPlane = async (directory: string, url: string): Promise<ControlPlane | undefined> => {
  try {
    await askSupervisor(directory, { do: 'status' })
  } catch {
    return undefined
  }
  const stop = async (): Promise<void> => {
    await askSupervisor(directory, { do: 'stop' })
    while (existsSync(directory)) await sleep(25)
  }
  return controlPlaneAt({ binaries: await controlPlaneBinaries(), directory, url, stop })
}
