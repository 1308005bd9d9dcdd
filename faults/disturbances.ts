/** Every disturbance by its name and place: the request, or the line of a watch, at which it is played. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Disturbance, Stage } from './play.ts'
import type { Exchange } from './proxy.ts'
import { contextOf } from './fault-context.ts'
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

const isWriteKey = (key: string): boolean => /^(agent )?(create|update|patch|delete) /.test(key)

/** Before the name of a step of a person that is taken while no controller runs. */
const DEAD = 'crash+'

const isControllersWrite = (key: string): boolean => isWriteKey(key) && !key.startsWith('agent ')

export const FAULT_NAMES: readonly string[] = [
  ...Object.keys(REQUEST_FAULTS),
  ...Object.keys(WATCH_FAULTS),
  ...Object.keys(STEPS),
  ...Object.keys(STEPS).map((name) => `${DEAD}${name}`),
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
      return fault.play(exchange, contextOf(stage))
    },
  }
}

const now = (): number => performance.timeOrigin + performance.now()

/** What a disturbance does with a person's step at its request; `take` answers whether it took place, `taken` has it judged. */
type PlayStep = (
  exchange: Exchange,
  stage: Stage,
  person: { readonly take: () => Promise<boolean>; readonly taken: () => void },
) => Promise<void>

const personsStep = (name: string, at: string, play: PlayStep): Disturbance | undefined => {
  const found = STEPS[name]
  if (!found) return undefined
  const { what, forbids, stops, forgets } = found
  return {
    sameEnd: false,
    ...(stops && { stops }),
    onRequest: (exchange, stage) => {
      if (exchange.key !== at) return undefined
      let before = 0
      return play(exchange, stage, {
        take: async () => {
          before = now()
          try {
            await found.take(stage)
            return true
          } catch (cause) {
            stage.missed(cause)
            return false
          }
        },
        taken: () => {
          if (forbids) stage.prohibit({ what, since: now(), forbids })
          if (forgets) stage.forget({ before, since: now() })
        },
      })
    },
  }
}

const step = (name: string, at: string): Disturbance | undefined =>
  personsStep(name, at, async (exchange, _, { take, taken }) => {
    const tookPlace = await take()
    if (tookPlace) await sleep(TOLD_MS)
    const answer = await exchange.forward()
    // What was sent before it cannot be held back; what comes after it can.
    if (tookPlace) taken()
    exchange.reply(answer)
  })

/** The step is taken between two lives of the controller: the first ends at the request, which had its effect. */
const stepWhileDead = (name: string, at: string): Disturbance | undefined =>
  name.startsWith(DEAD)
    ? personsStep(name.slice(DEAD.length), at, async (exchange, stage, { take, taken }) => {
        await exchange.forward()
        await stage.controllers.crash(stage.index, async () => {
          if (await take()) taken()
        })
        exchange.cut()
      })
    : undefined

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

/** Whether no other run may be played beside it. */
export const isAlone = ({ fault }: Case): boolean => REQUEST_FAULTS[fault]?.alone ?? false

/** Throws where nothing has that name. */
export const disturbanceOf = ({ fault, at }: Case): Disturbance => {
  const found = at.startsWith('watch ')
    ? watchFault(fault, at)
    : (requestFault(fault, at) ?? step(fault, at) ?? stepWhileDead(fault, at))
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
    .flatMap(([fault]) => [
      ...keys.map((at): Case => ({ workload: name, fault, at })),
      ...keys.filter(isControllersWrite).map((at): Case => ({ workload: name, fault: `${DEAD}${fault}`, at })),
    ])
  const watches = Object.keys(WATCH_FAULTS).flatMap((fault) =>
    WATCHES.flatMap((resource) =>
      LINES.map((line): Case => ({ workload: name, fault, at: `watch ${resource} ${line}` })),
    ),
  )
  return [...requests, ...steps, ...watches]
}
