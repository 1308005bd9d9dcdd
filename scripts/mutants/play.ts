/** Plays mutants against the unit tests: one test file after the other in one vitest, each in a process of its own. */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
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
const nearestFirst = (specs: readonly TestSpecification[], files: Iterable<string>): readonly TestSpecification[] => {
  const folders = new Set([...files].map((file) => dirname(file)))
  const isNear = ({ moduleId }: TestSpecification): boolean => folders.has(dirname(moduleId))
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

interface Ran {
  readonly passed: boolean
  /** It was killed, as it hung in a mutant. */
  readonly hung: boolean
  readonly events: readonly Event[]
  /** Of what failed. */
  readonly errors: readonly string[]
}

/** Runs one test file by an order. */
type RunFile = (spec: TestSpecification, order: Order) => Promise<Ran>

const createRunFile =
  (
    vitest: Vitest,
    folder: string,
    onEvents: (spec: TestSpecification, order: Order, events: readonly Event[]) => void,
  ): RunFile =>
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
      onEvents(spec, order, events)
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

/** What is known of the mutants, by number. */
interface Board {
  readonly ids: readonly number[]
  readonly killedBy: Map<number, string>
  readonly inTests: Set<number>
  /** Test files of which code outside of a test reaches the mutant. */
  readonly outside: Map<number, readonly TestSpecification[]>
  /** Test files with a test that reaches the mutant and cannot be repeated. */
  readonly unrepeated: Map<number, readonly TestSpecification[]>
  /** Calls of the probe in a test file. */
  readonly calls: Map<TestSpecification, number>
  readonly costly: Map<TestSpecification, Map<string, number>>
  readonly once: Set<string>
}

const isAlive =
  ({ killedBy }: Board) =>
  (id: number): boolean =>
    !killedBy.has(id)

const addTo = (to: Map<number, readonly TestSpecification[]>, id: number, spec: TestSpecification): void =>
  void to.set(id, [...(to.get(id) ?? []), spec])

const note = (board: Board, spec: TestSpecification, event: Event): void => {
  switch (event.kind) {
    case 'Killed':
      board.killedBy.set(event.mutant, event.test)
      return
    case 'Costly':
      board.costly.set(spec, (board.costly.get(spec) ?? new Map()).set(event.test, event.seconds))
      return
    case 'Once':
      board.once.add(`${event.test}: it does not pass twice in one process`)
      for (const id of event.mutants) addTo(board.unrepeated, id, spec)
      return
    case 'Ended':
      board.calls.set(spec, event.calls)
      for (const id of event.inTests) board.inTests.add(id)
      for (const id of event.outside) addTo(board.outside, id, spec)
      return
    case 'Started':
    case 'Trying':
    case 'Survived':
  }
}

/** Each test with each mutant that it reaches; again from the next one, after one in which the process hung. */
const tryEach = async (board: Board, spec: TestSpecification, runFile: RunFile, tests?: readonly string[]) => {
  for (let again = true; again; ) {
    const live = board.ids.filter(isAlive(board))
    const { passed, events, hung, errors } = await runFile(spec, { mode: 'Each', live, tests })
    for (const event of events) note(board, spec, event)
    const last = events.at(-1)
    again = hung && last?.kind === 'Trying'
    if (last?.kind === 'Trying') board.killedBy.set(last.mutant, END)
    if (!again && !passed) throw new Error(`${spec.moduleId} fails without a mutant: ${errors[0] ?? 'no test ran'}`)
  }
}

/** Once all others ran, fewer mutants are alive: what took too long then may not now. */
const tryCostly = async (board: Board, runFile: RunFile): Promise<void> => {
  const deferred = [...board.costly]
  board.costly.clear()
  for (const [spec, tests] of deferred) await tryEach(board, spec, runFile, [...tests.keys()])
  for (const [test, seconds] of [...board.costly.values()].flatMap((tests) => [...tests])) {
    board.once.add(`${test}: it would take ${seconds.toFixed(0)} s`)
  }
}

/** What is left of those that only code outside of a test reaches, as constants: each from the start of a process. */
const tryFromStart = async (board: Board, runFile: RunFile): Promise<void> => {
  const { ids, inTests, outside, unrepeated, calls, killedBy } = board
  for (const id of ids) {
    const constant = inTests.has(id) ? [] : (outside.get(id) ?? [])
    for (const spec of new Set([...constant, ...(unrepeated.get(id) ?? [])])) {
      if (!isAlive(board)(id)) break
      const maxCalls = (calls.get(spec) ?? 0) * 100 + 100_000
      const { passed, hung } = await runFile(spec, { mode: 'One', mutant: id, maxCalls })
      if (!passed) killedBy.set(id, hung ? END : `${spec.moduleId}, from its start`)
    }
  }
}

/** The instrumented text of each mutated file, by its path. Mutants are numbered from 1. */
const textsOf = ({ root, mutants }: Playing): ReadonlyMap<string, string> => {
  const numbered = mutants.map((mutant, index) => ({ id: index + 1, mutant }))
  const byFile = Map.groupBy(numbered, ({ mutant }) => join(root, mutant.file))
  return new Map([...byFile].map(([path, own]) => [path, instrument(readFileSync(path, 'utf8'), own)]))
}

/** Throws where a test fails without a mutant. */
export const play = async (playing: Playing): Promise<Played> => {
  const { root, mutants, progress } = playing
  const texts = textsOf(playing)
  const board: Board = {
    ids: mutants.map((_, index) => index + 1),
    killedBy: new Map(),
    inTests: new Set(),
    outside: new Map(),
    unrepeated: new Map(),
    calls: new Map(),
    costly: new Map(),
    once: new Set(),
  }
  const temporary = temporaryDirectory('mutants-')
  const vitest = await openVitest(playing, texts, temporary.path)
  try {
    const runFile = createRunFile(vitest, temporary.path, (spec, order, events) => {
      const inThis = events.filter(({ kind }) => kind === 'Killed').length
      const mode = order.mode === 'Each' ? '' : ` with mutant ${order.mutant} from its start`
      progress(`${board.killedBy.size + inThis} of ${mutants.length} killed  ${relative(root, spec.moduleId)}${mode}`)
    })
    const specs = nearestFirst(await vitest.getRelevantTestSpecifications(), texts.keys())
    for (const spec of specs) await tryEach(board, spec, runFile)
    await tryCostly(board, runFile)
    await tryFromStart(board, runFile)
  } finally {
    await vitest.close()
    temporary.remove()
  }
  const results = mutants.map((mutant, index) => ({
    mutant,
    killedBy: board.killedBy.get(index + 1)?.replace(`${root}/`, ''),
    isReached: board.inTests.has(index + 1) || board.outside.has(index + 1),
  }))
  return { results, once: [...board.once] }
}
