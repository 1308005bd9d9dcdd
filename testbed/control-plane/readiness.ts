import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CONTROLLER_MANAGER } from './programs.ts'
import { askSupervisor, failureOf } from './supervisor.ts'

const LOOK_MS = 25
const READY_WITHIN_MS = 90_000

/** The API server's port was taken between its choice and its use. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError'
}

const statusOf = (url: string, agent: Agent): Promise<number> =>
  new Promise((resolve) => {
    const asked = request(url, { agent, timeout: 5000 }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.once('timeout', () => asked.destroy())
    asked.once('error', () => resolve(0))
    asked.end()
  })

/** A program that fails at its start is started again by the supervisor; here it is a reason to give up. */
const refuseExits = async (directory: string): Promise<void> => {
  const { programs = [] } = await askSupervisor(directory, { do: 'status' })
  for (const { name, exits } of programs) {
    if (exits === 0) continue
    const log = failureOf(directory, name)
    if (/address already in use/.test(log)) throw new PortTakenError(name)
    // The controller manager gives up when the API server is slow, and is started again.
    if (name !== CONTROLLER_MANAGER) throw new Error(`${name} ended:\n${log}`)
  }
}

/**
 * Resolves when the API server is ready and, at the first start, the controller manager runs and pods can be created in
 * namespace `default` (its service account is there). Throws what a failing program said.
 */
export const untilReady = async (directory: string, url: string, isFirstStart: boolean): Promise<void> => {
  const file = (name: string): Buffer => readFileSync(join(directory, name))
  const agent = new Agent({ keepAlive: true, ca: file('ca.crt'), cert: file('admin.crt'), key: file('admin.key') })
  const deadline = Date.now() + READY_WITHIN_MS
  const until = async (path: string): Promise<void> => {
    while ((await statusOf(`${url}${path}`, agent)) !== 200) {
      if (isFirstStart) await refuseExits(directory)
      if (Date.now() > deadline) {
        throw new Error(`no ${path} within ${READY_WITHIN_MS / 1000} s:\n${failureOf(directory, 'kube-apiserver')}`)
      }
      await sleep(LOOK_MS)
    }
  }
  try {
    await until('/readyz')
    if (!isFirstStart) return
    await askSupervisor(directory, { do: 'start', program: CONTROLLER_MANAGER })
    await until('/api/v1/namespaces/default/serviceaccounts/default')
  } finally {
    agent.destroy()
  }
}
