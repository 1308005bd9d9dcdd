/** The controllers of one run: started, killed, started again, and watched for ends that nothing explains. */
import { readFileSync } from 'node:fs'
import { eventually } from '../testbed/eventually.ts'
import { type Controller, startController } from '../testbed/controller.ts'
import type { FaultCluster, Lane } from './cluster.ts'
import { type Proxy, startProxy } from './proxy.ts'

export interface Controllers {
  readonly proxies: readonly Proxy[]
  /** Starts all of them; resolves when each is ready to act. */
  start(): Promise<void>
  /** Kills one and starts it again; resolves when it is killed, which is at once. */
  crash(index: number): Promise<void>
  /** Ends that no fault caused, with the last lines of the log. */
  readonly deaths: readonly string[]
  /** Lines of the logs that name this text, newest last. */
  logs(text: string): readonly string[]
  /** Resident memory of the largest, in MiB. */
  memory(): number
  stop(): Promise<void>
}

export interface ControllersOptions {
  readonly cluster: FaultCluster
  readonly lane: Lane
  /** More than one are all active: none asks for the lease. */
  readonly count: number
  readonly args?: readonly string[]
}

const READY_WITHIN_MS = 30_000

export const createControllers = async (options: ControllersOptions): Promise<Controllers> => {
  const { cluster, lane, count, args = [] } = options
  const { plane, kubeconfig, project, program } = cluster
  const proxies = await Promise.all(
    Array.from({ length: count }, () => startProxy({ kubeconfig, directory: plane.directory })),
  )
  const running: (Controller | undefined)[] = []
  const expected = new Set<Controller>()
  const deaths: string[] = []
  const lines: string[] = []
  const restarts = new Set<Promise<void>>()
  let stopped = false

  const startOne = async (index: number): Promise<void> => {
    const proxy = proxies[index]
    if (!proxy) throw new Error(`there is no controller ${index}`)
    const flags = [
      `--namespace=${lane.operator}`,
      `--identity=controller-${index}`,
      `--leader-elect=${count === 1}`,
      '--max-actions-per-hour=1000',
      ...project.controllerFlags,
      ...args,
    ]
    const controller = await startController({
      kubeconfig: proxy.kubeconfig,
      program,
      args: flags,
      onLog: (line) => lines.push(JSON.stringify(line)),
    })
    running[index] = controller
    if (stopped) await controller.kill('SIGKILL')
    void controller.exited.then(({ code, signal }) => {
      if (expected.has(controller) || stopped) return
      const last = controller.logs.slice(-4).map((line) => JSON.stringify(line))
      deaths.push(`the controller ended by itself: ${code} ${signal} ${last.join(' ')}`)
    })
    const wanted = count === 1 ? ['ready', 'leading'] : ['ready']
    await eventually(
      () => {
        const said = controller.logs.map(({ message }) => message)
        if (!stopped && !wanted.every((each) => said.includes(each))) throw new Error(`it is not ready: ${said.join()}`)
      },
      { timeoutMs: READY_WITHIN_MS, everyMs: 20 },
    ).catch((cause: unknown) => {
      // A fault may keep it from being ready; the end of the run judges that.
      if (restarts.size === 0) throw cause
    })
  }

  return {
    proxies,
    deaths,
    start: async () => {
      for (const index of proxies.keys()) await startOne(index)
    },
    crash: async (index) => {
      const controller = running[index]
      if (!controller) return
      running[index] = undefined
      expected.add(controller)
      process.kill(controller.pid, 'SIGKILL')
      proxies[index]?.cutAll()
      const restart = controller.exited.then(() => (stopped ? undefined : startOne(index)))
      restarts.add(restart)
      restart.catch((cause: unknown) => {
        if (!stopped) deaths.push(`the controller did not start again: ${String(cause)}`)
      })
    },
    logs: (text) => lines.filter((line) => line.includes(text)),
    memory: () =>
      Math.max(
        0,
        ...running.map((controller) => {
          if (!controller) return 0
          try {
            const pages = Number(readFileSync(`/proc/${controller.pid}/statm`, 'utf8').split(' ')[1])
            return (pages * 4_096) / 2 ** 20
          } catch {
            return 0
          }
        }),
      ),
    stop: async () => {
      stopped = true
      for (const controller of running) await controller?.kill('SIGKILL')
      await Promise.allSettled(restarts)
      for (const controller of running) await controller?.kill('SIGKILL')
      await Promise.all(proxies.map((proxy) => proxy.close()))
    },
  }
}
