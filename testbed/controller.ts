/** The controller as a process of its own, with the rights that its manifests give it and no more. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ControlPlane } from './control-plane/control-plane.ts'
import { eventually } from './eventually.ts'
import { kubectlOf } from './kubectl.ts'

/** The identity that every write of the controller bears in the audit log. */
export const CONTROLLER_USER = 'system:serviceaccount:podmend-system:podmend-controller'

const GROUPS = ['system:serviceaccounts', 'system:serviceaccounts:podmend-system', 'system:authenticated']
const START_WITHIN_MS = 60_000

const path = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url))

/** One line of the log. */
export interface LogLine {
  readonly time: string
  readonly level: string
  readonly message: string
  readonly [field: string]: unknown
}

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Controller {
  readonly pid: number
  /** Of /metrics, /healthz and /readyz, on 127.0.0.1. */
  readonly port: number
  /** Every line so far, oldest first. */
  readonly logs: readonly LogLine[]
  /** Resolves when the process is gone, for whatever reason. */
  readonly exited: Promise<Ending>
  /** Sends the signal, by default SIGTERM, and resolves when the process is gone. */
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<Ending>
  /** The text of /metrics. */
  metrics(): Promise<string>
}

export interface ControllerOptions {
  /** As whom it speaks, and to which server: see `installController`. */
  readonly kubeconfig: string
  /** Further flags. */
  readonly args?: readonly string[]
  /** Its wall clock is so far ahead of the API server's; negative: behind it. */
  readonly clockAheadMs?: number
  /** The program; default its sources. A bundle starts in a third of the time. */
  readonly program?: string
  /** Told of each line as it is written. */
  readonly onLog?: (line: LogLine) => void
}

/** Applies the CRDs and the roles; gives the path of a kubeconfig of the controller's service account. */
export const installController = async (
  plane: ControlPlane,
  { actions = true }: { actions?: boolean } = {},
): Promise<string> => {
  const kubectl = kubectlOf(plane)
  const manifests = ['rbac.yaml', ...(actions ? ['allow-actions.yaml'] : [])]
  await kubectl(['apply', '-f', path('crds'), ...manifests.flatMap((name) => ['-f', path(`manifests/${name}`)])])
  await kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all'])
  const kubeconfig = await plane.userKubeconfig(CONTROLLER_USER, GROUPS)
  // The authorizer learns of new roles by a watch of its own.
  await eventually(() => kubectl(['auth', 'can-i', 'list', 'remediations.podmend.io', '-A'], { kubeconfig }))
  return kubeconfig
}

const lineOf = (text: string): LogLine => {
  try {
    return JSON.parse(text) as LogLine
  } catch {
    return { time: new Date().toISOString(), level: 'error', message: text }
  }
}

/**
 * Starts the controller from its sources; resolves when it serves its metrics. It ends with this process, however that
 * ends. Throws with what it wrote when it ends before.
 */
export const startController = async ({
  kubeconfig,
  args = [],
  program = path('src/controller.ts'),
  clockAheadMs = 0,
  onLog,
}: ControllerOptions): Promise<Controller> => {
  const flags = ['--kubeconfig', kubeconfig, '--http-port', '0', '--http-host', '127.0.0.1', '--log-format', 'json']
  const clock = encodeURIComponent(`const now = Date.now; Date.now = () => now() + ${clockAheadMs}`)
  const imports = [path('testbed/die-with-parent.ts'), `data:text/javascript,${clock}`]
  const command = [...imports.flatMap((each) => ['--import', each]), program]
  const child = spawn(process.execPath, [...command, ...flags, ...args], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] },
  })
  const logs: LogLine[] = []
  const { promise: exited, resolve: onExit } = Promise.withResolvers<Ending>()
  child.once('close', (code, signal) => onExit({ code, signal }))
  const port = await new Promise<number>((resolve, reject) => {
    const said = (): string => logs.map(({ message, err }) => `${message} ${JSON.stringify(err) ?? ''}`).join('\n')
    const late = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`starting the controller: not within ${START_WITHIN_MS / 1000} s:\n${said()}`))
    }, START_WITHIN_MS)
    createInterface(child.stderr).on('line', (text) => {
      const line = lineOf(text)
      logs.push(line)
      onLog?.(line)
      if (line.message !== 'started') return
      clearTimeout(late)
      resolve(Number(line['port']))
    })
    child.once('error', reject)
    void exited.then(() => {
      clearTimeout(late)
      reject(new Error(`starting the controller: it ended:\n${said()}`))
    })
  })
  child.unref()
  // Typed as plain streams; they are sockets, and must not keep this process running.
  for (const stream of [child.stdin, child.stderr] as unknown as { unref?: () => void }[]) stream.unref?.()

  return {
    pid: child.pid ?? 0,
    port,
    logs,
    exited,
    kill: (signal = 'SIGTERM') => {
      child.ref()
      child.kill(signal)
      return exited
    },
    metrics: async () => {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`)
      if (!response.ok) throw new Error(`reading the controller's metrics: ${response.status}`)
      return response.text()
    },
  }
}
