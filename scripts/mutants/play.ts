/** Plays mutants against the unit tests: one test file after the other in one vitest, each in a process of its own. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createVitest, type TestSpecification, type Vitest } from 'vitest/node'
import { temporaryDirectory } from '../../testbed/temporary.ts'
import { instrument, type Mutant } from './mutants.ts'
import { type Event, EVENTS_FILE, FOLDER, type Order, ORDER_FILE } from './protocol.ts'

export interface Result {
  readonly mutant: Mutant
  /** The test that fails with it; undefined if none does. */
  readonly killedBy: string | undefined
  /** No test reaches it. */
  readonly isReached: boolean
}

export interface Played {
  readonly results: readonly Result[]
  /** Tests that were not repeated, each with the reason. */
  readonly once: readonly string[]
}

export interface Playing {
  /** Root of the repository. */
  readonly root: string
  readonly mutants: readonly Mutant[]
  /** Of the test files that may be run, relative to the root; those that import no mutated file are left out. */
  readonly tests: readonly string[]
  readonly progress: (text: string) => void
}

/** A process that says nothing for so long hangs in a mutant, which counts as killed. */
const HANGS_AFTER_MS = 20_000
/** And one that has a single mutant on from the start. */
const ENDS_WITHIN_MS = 60_000

const END = 'the time limit'

/** Tests beside the mutated files first: they kill most, and what is dead is not tried again. */
const nearestFirst = (
  specs: readonly TestSpecification[],
  folders: ReadonlySet<string>,
): readonly TestSpecification[] => {
  const isNear = ({ moduleId }: TestSpecification): boolean =>
    [...folders].some((folder) => moduleId.startsWith(folder))
  return specs.toSorted((a, b) => Number(isNear(b)) - Number(isNear(a)) || (a.moduleId < b.moduleId ? -1 : 1))
}

const openVitest = ({ root, tests }: Playing, texts: ReadonlyMap<string, string>, folder: string): Promise<Vitest> =>
  createVitest(
    'test',
    {
      root,
      config: false,
      watch: false,
      include: [...tests],
      related: [...texts.keys()],
      reporters: [{}],
      runner: fileURLToPath(new URL('./runner.ts', import.meta.url)),
      env: { [FOLDER]: folder },
      pool: 'forks',
      maxWorkers: 1,
      fileParallelism: false,
      bail: 1,
      testTimeout: 60_000,
      silent: true,
    },
    {
      plugins: [
        {
          name: 'mutants',
          enforce: 'pre',
          transform: (_code, id) => {
            const text = texts.get(id.split('?')[0] ?? id)
            return text === undefined ? undefined : { code: text, map: null }
          },
        },
      ],
    },
  )

/** Runs a test file by an order; resolves with whether it passed, and what its process said. */
type RunFile = (
  spec: TestSpecification,
  order: Order,
) => Promise<{
  readonly passed: boolean
  readonly events: readonly Event[]
  readonly hung: boolean
  readonly errors: readonly string[]
}>

const createRunFile =
  (vitest: Vitest, folder: string, onEvents: (events: readonly Event[]) => void): RunFile =>
  async (spec, order) => {
    const eventsFile = join(folder, EVENTS_FILE)
    writeFileSync(join(folder, ORDER_FILE), JSON.stringify(order))
    writeFileSync(eventsFile, '')
    const read = (): readonly Event[] =>
      readFileSync(eventsFile, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Event)
    let hung = false
    let seen = 0
    let silentSince = performance.now()
    const watch = setInterval(() => {
      const events = read()
      if (events.length > seen) silentSince = performance.now()
      seen = events.length
      onEvents(events)
      const limit = order.mode === 'One' ? ENDS_WITHIN_MS : HANGS_AFTER_MS
      const last = events.at(-1)
      const isTrying = order.mode === 'One' || last?.kind === 'Trying'
      const started = events.find((event) => event.kind === 'Started')
      if (hung || !isTrying || started === undefined || performance.now() - silentSince < limit) return
      hung = true
      process.kill(started.pid, 'SIGKILL')
    }, 500)
    try {
      const { testModules, unhandledErrors } = await vitest.runTestSpecifications([spec])
      const errors = testModules.flatMap((module) => [
        ...module.errors(),
        ...[...module.children.allTests('failed')].flatMap((test) => test.result().errors ?? []),
      ])
      const passed =
        testModules.length > 0 && testModules.every((module) => module.ok()) && unhandledErrors.length === 0
      return { passed, events: read(), hung, errors: errors.map(({ message }) => message) }
    } finally {
      clearInterval(watch)
    }
  }

export const play = async (playing: Playing): Promise<Played> => {
  const { root, mutants, progress } = playing
  const files = new Map<string, { readonly id: number; readonly mutant: Mutant }[]>()
  for (const [index, mutant] of mutants.entries()) {
    const path = join(root, mutant.file)
    files.set(path, [...(files.get(path) ?? []), { id: index + 1, mutant }])
  }
  const texts = new Map([...files].map(([path, own]) => [path, instrument(readFileSync(path, 'utf8'), own)] as const))
  const temporary = temporaryDirectory('mutants-')
  const vitest = await openVitest(playing, texts, temporary.path)
  const killed = new Map<number, string>()
  const reached = new Set<number>()
  const once: string[] = []
  const cold = new Map<number, { readonly spec: TestSpecification; readonly calls: number }[]>()
  const ids = mutants.map((_, index) => index + 1)
  try {
    let now = ''
    const tell = (): void => progress(`${killed.size} of ${mutants.length} killed  ${now}`)
    const runFile = createRunFile(vitest, temporary.path, (events) => {
      for (const event of events) if (event.kind === 'Killed') killed.set(event.mutant, event.test)
      tell()
    })
    const folders = new Set(mutants.map(({ file }) => join(root, ...file.split('/').slice(0, 2)) + sep))
    const specs = nearestFirst(await vitest.getRelevantTestSpecifications(), folders)
    for (const spec of specs) {
      now = spec.moduleId.slice(root.length + 1)
      tell()
      for (let again = true; again; ) {
        const live = ids.filter((id) => !killed.has(id))
        const { passed, events, hung, errors } = await runFile(spec, { mode: 'Each', live })
        for (const event of events) {
          if (event.kind === 'Killed') killed.set(event.mutant, event.test)
          if (event.kind === 'Once') once.push(`${event.test}: ${event.why}`)
          if (event.kind !== 'Ended') continue
          for (const id of [...event.inTests, ...event.outside]) reached.add(id)
          for (const id of event.outside) cold.set(id, [...(cold.get(id) ?? []), { spec, calls: event.calls }])
        }
        again = hung
        const last = events.at(-1)
        if (hung && last?.kind === 'Trying') killed.set(last.mutant, END)
        else if (!passed) throw new Error(`${now} fails without a mutant: ${errors[0] ?? 'no test ran'}`)
      }
    }
    for (const id of ids) {
      for (const { spec, calls } of cold.get(id) ?? []) {
        if (killed.has(id)) break
        now = `${spec.moduleId.slice(root.length + 1)} from its start, with mutant ${id}`
        tell()
        const { passed, hung } = await runFile(spec, { mode: 'One', mutant: id, maxCalls: calls * 100 + 100_000 })
        if (!passed) killed.set(id, hung ? END : now)
      }
    }
  } finally {
    await vitest.close()
    temporary.remove()
  }
  const results = mutants.map((mutant, index) => ({
    mutant,
    killedBy: killed.get(index + 1),
    isReached: reached.has(index + 1),
  }))
  return { results, once: [...new Set(once)] }
}
