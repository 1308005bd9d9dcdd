/**
 * `npm test [-- ARGUMENTS OF VITEST] [--context NAME] [--kubernetes 1.32]`: all tests. Those that need an API server start
 * their own, or use the cluster of the named context; with `--kubernetes` one of that version, and without names of files
 * those tests alone that hang on the version. The last line is `N passed, N failed`; the exit status is not 0 when a test
 * failed or none ran.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { temporaryDirectory } from '../testbed/temporary.ts'

/** What hangs on the version of the API server: kinds and their rules, admission, rights, watches, patches, one repair. */
const VERSION_TESTS = [
  'api/crds',
  'api/policies',
  'agent/admission',
  'approval/admission',
  'approval/command',
  'approval/flow',
  'chart/objects',
  'chart/release',
  'act/rewrite-image',
  'act/recycle-pod',
  'cli/doctor',
  'report/remediation',
  'report/policy-status',
  'report/events',
  'kube/client',
  'kube/leader-election',
  'kube/informer',
  'repair/workloads',
].map((name) => `test/${name}.test.ts`)

interface Report {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

/** Takes `--NAME VALUE` out of the arguments. */
const take = (name: string, given: readonly string[]): { value: string | undefined; rest: string[] } => {
  const rest = [...given]
  const at = rest.findIndex((each) => each === `--${name}` || each.startsWith(`--${name}=`))
  if (at < 0) return { value: undefined, rest }
  const inline = rest[at]?.split('=')[1]
  const [, next] = rest.splice(at, inline === undefined ? 2 : 1)
  return { value: inline ?? next, rest }
}

const runVitest = (args: readonly string[], environment: Record<string, string>): Promise<number> =>
  new Promise((resolve, reject) => {
    const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
    const child = spawn(process.execPath, [vitest, 'run', ...args], {
      stdio: 'inherit',
      env: { ...process.env, ...environment },
    })
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })

const readReport = (path: string): Report | undefined => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Report
  } catch {
    return undefined
  }
}

const { value: context, rest: others } = take('context', process.argv.slice(2))
const { value: kubernetes, rest } = take('kubernetes', others)
const chosen = kubernetes !== undefined && !rest.some((each) => !each.startsWith('-')) ? VERSION_TESTS : []
const environment = {
  ...(context !== undefined && { PODMEND_TEST_CONTEXT: context }),
  ...(kubernetes !== undefined && { PODMEND_TEST_KUBERNETES: kubernetes }),
}
const { path: directory, remove } = temporaryDirectory('podmend-test-report-')
const file = join(directory, 'report.json')
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
const code = await runVitest([...reporters, ...rest, ...chosen], environment)
const report = readReport(file)
remove()

const results = report?.testResults ?? []
// A file that could not be loaded has no tests in the report, and must not pass for that.
const broken = results.filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0)
const passed = report?.numPassedTests ?? 0
const failedTests = (report?.numFailedTests ?? 0) + broken.length
// Errors outside of tests fail the run without failing a test.
const failed = failedTests === 0 && (code !== 0 || report?.success !== true) ? 1 : failedTests

console.log('')
for (const { name } of broken) console.log(`could not be run: ${name}`)
if (!report) console.log('vitest left no report')
if (results.length === 0) console.log('no test ran')
console.log(`${results.length} files, ${passed + failed + (report?.numPendingTests ?? 0)} tests`)
if (report && report.numPendingTests > 0) console.log(`${report.numPendingTests} skipped`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
