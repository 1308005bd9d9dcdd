/** The controllers of one run, and its agent: started, killed, started again, and watched for ends that nothing explains. */
import { readFileSync } from 'node:fs'
import { eventually } from '../testbed/eventually.ts'
import { type Ending, startController } from '../testbed/controller.ts'
import type { FaultCluster, Lane } from './cluster.ts'
import { type Proxy, startProxy } from './proxy.ts'

/** A process that is started, killed and started again. */
export interface Program {
  readonly pid: number
  readonly exited: Promise<Ending>
  /** Rejects if it does not come up in time. */
  readonly ready: Promise<unknown>
  lastLines(): readonly string[]
  kill(): Promise<unknown>
}

export type StartProgram = (proxy: Proxy) => Promise<Program>

export interface Controllers {
  readonly proxies: readonly Proxy[]
  /** Starts all of them; resolves when each is ready to act. */
  start(): Promise<void>
  /** Another program with a proxy of its own, which does not speak for it: an agent. `begin` is called before it starts. */
  add(start: StartProgram, begin: (proxy: Proxy, index: number) => void): Promise<void>
  /** Kills one, and starts it again after `meanwhile`; resolves when it is killed, which is at once. */
  crash(index: number, meanwhile?: () => Promise<void>): Promise<void>
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
  const proxyOptions = { kubeconfig, directory: plane.directory }
  const proxies = await Promise.all(Array.from({ length: count }, () => startProxy(proxyOptions)))
  const running: (Program | undefined)[] = []
  const expected = new Set<Program>()
  const deaths: string[] = []
  const lines: string[] = []
  const restarts = new Set<Promise<void>>()
  let stopped = false

  const controllerOf =
    (index: number): StartProgram =>
    async (proxy) => {
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
      const wanted = count === 1 ? ['ready', 'leading'] : ['ready']
      return {
        pid: controller.pid,
        exited: controller.exited,
        lastLines: () => controller.logs.slice(-4).map((line) => JSON.stringify(line)),
        kill: () => controller.kill('SIGKILL'),
        ready: eventually(
          () => {
            const said = controller.logs.map(({ message }) => message)
            if (!stopped && !wanted.every((each) => said.includes(each)))
              throw new Error(`it is not ready: ${said.join()}`)
          },
          { timeoutMs: READY_WITHIN_MS, everyMs: 20 },
        ),
      }
    }
  const programs: StartProgram[] = proxies.map((_, index) => controllerOf(index))

  const startOne = async (index: number): Promise<void> => {
    const [proxy, start] = [proxies[index], programs[index]]
    if (!proxy || !start) throw new Error(`there is no program ${index}`)
    const started = await start(proxy)
    running[index] = started
    if (stopped) await started.kill()
    void started.exited.then(({ code, signal }) => {
      if (expected.has(started) || stopped) return
      const what = index < count ? 'the controller' : 'the agent'
      deaths.push(`${what} ended by itself: ${code} ${signal} ${started.lastLines().join(' ')}`)
    })
    await started.ready.catch((cause: unknown) => {
      // A fault may keep it from being ready; the end of the run judges that.
      if (restarts.size === 0) throw cause
    })
  }

  return {
    proxies,
    deaths,
    start: async () => {
      for (let index = 0; index < count; index += 1) await startOne(index)
    },
    add: async (start, begin) => {
      const index = proxies.length
      const proxy = await startProxy({ ...proxyOptions, identity: 'Client' })
      proxies.push(proxy)
      programs.push(start)
      begin(proxy, index)
      await startOne(index)
    },
    crash: async (index, meanwhile) => {
      const crashed = running[index]
      if (!crashed) return
      running[index] = undefined
      expected.add(crashed)
      process.kill(crashed.pid, 'SIGKILL')
      proxies[index]?.cutAll()
      const restart = crashed.exited.then(meanwhile).then(() => (stopped ? undefined : startOne(index)))
      restarts.add(restart)
      restart.catch((cause: unknown) => {
        if (!stopped) deaths.push(`program ${index} did not start again: ${String(cause)}`)
      })
    },
    logs: (text) => lines.filter((line) => line.includes(text)),
    memory: () =>
      Math.max(
        0,
        ...running.slice(0, count).map((controller) => {
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
      for (const program of running) await program?.kill()
      await Promise.allSettled(restarts)
      for (const program of running) await program?.kill()
      await Promise.all(proxies.map((proxy) => proxy.close()))
    },
  }
}
