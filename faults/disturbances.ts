/** Every disturbance by its name and place: the request, or the line of a watch, at which it is played. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Disturbance, Stage } from './play.ts'
import { takeLease } from './play.ts'
import { REQUEST_FAULTS } from './request-faults.ts'
import { STEPS } from './steps.ts'
import { WATCH_FAULTS } from './watch-faults.ts'
import type { Workload } from './workload.ts'

export interface Case {
  readonly workload: string
  readonly fault: string
  /** Key of a request, or `watch RESOURCE LINE`. */
  readonly at: string
}

const WATCHES = ['remediationpolicies.podmend.io', 'remediations.podmend.io', 'namespaces', 'pods', 'events', 'nodes']
/** The first is in the initial list; later ones come while the incident is dealt with. */
const LINES = [1, 2, 3, 5, 8]

const isWriteKey = (key: string): boolean => /^(create|update|patch|delete) /.test(key)

export const FAULT_NAMES: readonly string[] = [
  ...Object.keys(REQUEST_FAULTS),
  ...Object.keys(WATCH_FAULTS),
  ...Object.keys(STEPS),
]

/** How many requests may come before what a step changed is known: the watch is given this time to report it. */
const TOLD_MS = 250

const requestFault = (name: string, at: string): Disturbance | undefined => {
  const fault = REQUEST_FAULTS[name]
  if (!fault) return undefined
  return {
    sameEnd: true,
    ...(fault.delayMs !== undefined && { delayMs: fault.delayMs }),
    onRequest: (exchange, stage) => {
      if (exchange.key !== at) return undefined
      return fault.play(exchange, {
        kill: () => stage.controllers.crash(stage.index),
        takeLease: () => takeLease(stage),
      })
    },
  }
}

const step = (name: string, at: string): Disturbance | undefined => {
  const found = STEPS[name]
  if (!found) return undefined
  const take = async (stage: Stage): Promise<void> => {
    await found.take(stage).catch(() => {}) // what it is taken on may not be there yet, or no longer
    await sleep(TOLD_MS)
  }
  return {
    sameEnd: false,
    ...(found.forgets && { forgets: true }),
    onRequest: (exchange, stage) => {
      if (exchange.key !== at) return undefined
      const play = async (): Promise<void> => {
        await take(stage)
        const answer = await exchange.forward()
        // What was sent before it cannot be held back; what comes after it can.
        const { what, forbids } = found
        if (forbids) stage.prohibit({ what, since: performance.timeOrigin + performance.now(), forbids })
        exchange.reply(answer)
      }
      return play()
    },
  }
}

const watchFault = (name: string, at: string): Disturbance | undefined => {
  const fault = WATCH_FAULTS[name]
  const [, resource, line] = at.split(' ')
  if (!fault || resource === undefined) return undefined
  let played = false
  return {
    sameEnd: true,
    line: Number(line),
    ...(fault.delayMs !== undefined && { delayMs: fault.delayMs }),
    onWatch: (watched, stage) => {
      if (watched !== resource || played) return undefined
      played = true
      return fault.play(Number(line), stage)
    },
  }
}

/** Throws where nothing has that name. */
export const disturbanceOf = ({ fault, at }: Case): Disturbance => {
  const found = at.startsWith('watch ') ? watchFault(fault, at) : (requestFault(fault, at) ?? step(fault, at))
  if (!found) throw new Error(`found the fault "${fault}" at "${at}", expected one of ${FAULT_NAMES.join(', ')}`)
  return found
}

/** Every case of a workload, from the requests of its run without a fault. */
export const casesOf = (workload: Workload, keys: readonly string[]): readonly Case[] => {
  const name = workload.name
  const requests = Object.entries(REQUEST_FAULTS).flatMap(([fault, { reads }]) =>
    keys.filter((key) => isWriteKey(key) || reads).map((at): Case => ({ workload: name, fault, at })),
  )
  const steps = Object.entries(STEPS)
    .filter(([, { only, nodes }]) => (only ? only.includes(name) : !workload.onNode || nodes))
    .flatMap(([fault]) => keys.map((at): Case => ({ workload: name, fault, at })))
  const watches = Object.keys(WATCH_FAULTS).flatMap((fault) =>
    WATCHES.flatMap((resource) =>
      LINES.map((line): Case => ({ workload: name, fault, at: `watch ${resource} ${line}` })),
    ),
  )
  return [...requests, ...steps, ...watches]
}
