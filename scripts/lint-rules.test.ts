/** Each rule of the house fires on what it forbids and leaves the rest alone: a rule that never fires guards nothing. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const bin = join(root, 'node_modules/.bin')

const IMPORTS = 'no-restricted-imports'
const GLOBALS = 'no-restricted-globals'
const PROPERTIES = 'no-restricted-properties'

/** Enough for rules that ask for types; the snippets need no declarations of Node. */
const TSCONFIG = { compilerOptions: { strict: true, module: 'nodenext', target: 'es2024', types: [], noEmit: true } }

/** The folder of a snippet, its text, and the rule that objects (none where it is allowed); its file's name where that matters. */
type Row = readonly [folder: string, snippet: string, rule?: string | undefined, file?: string]

const value = (from: string) => `import { x } from '${from}'\nexport const y: unknown = x`
const type = (from: string) => `import type { x } from '${from}'\nexport type y = x`

const rows: readonly Row[] = [
  ['src/decide', value('../model/duration.ts')],
  ['src/decide', value('../api/policy/compile.ts')],
  ['src/decide', value('./match.ts')],
  ['src/decide/guardrails', value('../../model/duration.ts')],
  ['src/decide/guardrails', value('../match.ts')],
  ['src/decide', value('node:crypto')],
  ['src/decide', value('../remedies/flag-node/plan.ts')],
  ['src/decide', value('../remedies/flag-node/act.ts'), IMPORTS],
  ['src/decide', value('../remedies/writes.ts'), IMPORTS],
  ['src/decide', value('../remedies/node-lease.ts'), IMPORTS],
  ['src/decide', value('../model/node-lease.ts')],
  ['src/decide', "import { remedyOf } from '../remedies/list.ts'\nexport const y: unknown = remedyOf"],
  ['src/decide', "import { act } from '../remedies/list.ts'\nexport const y: unknown = act", IMPORTS],
  ['src/decide', "import { REMEDIES } from '../remedies/list.ts'\nexport const y: unknown = REMEDIES", IMPORTS],
  ['src/decide', type('../diagnose/incident.ts'), IMPORTS],
  ['src/decide', value('../diagnose/gather.ts'), IMPORTS],
  ['src/decide/guardrails', value('../../diagnose/gather.ts'), IMPORTS],
  ['src/decide', value('../runtime/clock.ts'), IMPORTS],
  ['src/decide', value('../kube/client.ts'), IMPORTS],
  ['src/decide', value('../config/config.ts'), IMPORTS],
  ['src/decide', type('../report/remediation.ts'), IMPORTS],
  ...['fs', 'fs/promises', 'net', 'http', 'https', 'child_process', 'timers', 'process', 'perf_hooks', 'os'].map(
    (name): Row => ['src/decide', value(`node:${name}`), IMPORTS],
  ),
  ['src/decide', value('zod'), IMPORTS],
  ['src/decide', value('@kubernetes/client-node'), IMPORTS],
  ['src/decide', "export const x = () => import('zod')", IMPORTS],
  ['src/decide', 'export const now = Date.now()', GLOBALS],
  ['src/decide', 'export const now = new Date()', GLOBALS],
  ['src/decide', 'export const now = performance.now()', GLOBALS],
  ['src/decide', 'export const env = process.env', GLOBALS],
  ['src/decide', "export const x = () => void fetch('http://x')", GLOBALS],
  ['src/decide', 'export const x = () => setTimeout(() => {}, 1)', GLOBALS],
  ['src/decide', 'export const x = globalThis', GLOBALS],
  ['src/decide', 'export const x = Math.random()', PROPERTIES],
  ['src/decide', 'export const x = Math.max(1, 2)'],

  ['src/model', value('./duration.ts')],
  ['src/model', value('node:crypto')],
  ['src/model', type('../api/kinds.ts')],
  ['src/model', value('../api/kinds.ts'), IMPORTS],
  ['src/model', value('../runtime/clock.ts'), IMPORTS],
  ['src/model', value('node:fs'), IMPORTS],
  ['src/model', 'export const now = Date.now()', GLOBALS],
  ['src/catalogue', value('../model/pattern.ts')],
  ['src/catalogue', type('../watch/pod-cache.ts'), IMPORTS],
  ['src/catalogue/rows', value('../../runtime/clock.ts'), IMPORTS],
  ['src/catalogue', value('re2js'), IMPORTS],
  ['src/catalogue', value('node:fs'), IMPORTS],
  ['src/catalogue', 'export const now = Date.now()', GLOBALS],
  ['src/catalogue', 'export const x = Math.random()', PROPERTIES],

  ['src/api', value('zod')],
  ['src/api', value('../model/duration.ts')],
  ['src/api/policy', value('../../model/duration.ts')],
  ['src/api', value('../decide/decide.ts'), IMPORTS],
  ['src/api', value('../kube/client.ts'), IMPORTS],
  ['src/api', value('../runtime/clock.ts'), IMPORTS],
  ['src/api', value('node:fs'), IMPORTS],
  ['src/runtime', type('../model/kubernetes.ts')],
  ['src/runtime', value('../api/kinds.ts'), IMPORTS],
  ['src/runtime', value('../kube/client.ts'), IMPORTS],
  ['src/runtime', value('../config/config.ts'), IMPORTS],
  ['src/kube', value('../runtime/clock.ts')],
  ['src/kube', value('../model/names.ts')],
  ['src/kube', value('../api/kinds.ts'), IMPORTS],
  ['src/kube', value('../watch/informers.ts'), IMPORTS],
  ['src/watch', value('../kube/client.ts')],
  ['src/watch', value('../diagnose/gather.ts'), IMPORTS],
  ['src/watch', value('../report/metrics.ts'), IMPORTS],
  ['src/remedies', value('../kube/client.ts')],
  ['src/remedies/flag-node', value('../../kube/client.ts')],
  ['src/remedies', value('../decide/decide.ts'), IMPORTS],
  ['src/remedies', value('../diagnose/gather.ts'), IMPORTS],
  ['src/remedies', type('../report/remediation.ts'), IMPORTS],
  ['src/remedies/flag-node', value('../../../model/causes.ts'), undefined, 'plan.ts'],
  ['src/remedies/flag-node', value('../../../kube/client.ts'), IMPORTS, 'plan.ts'],
  ['src/remedies/flag-node', value('./act.ts'), IMPORTS, 'verify.ts'],
  ['src/remedies/flag-node', value('../writes.ts'), IMPORTS, 'plan.ts'],
  ['src/remedies/flag-node', value('../node-lease.ts'), IMPORTS, 'resume.ts'],
  ['src/remedies/flag-node', type('../writes.ts'), undefined, 'remedy.ts'],
  ['src/remedies/flag-node', value('../../../model/node-lease.ts'), undefined, 'verify.ts'],
  ['src/remedies', value('../kube/client.ts'), IMPORTS, 'pod-template.ts'],
  ['src/remedies/flag-node', value('node:fs'), IMPORTS, 'text.ts'],
  ['src/remedies/flag-node', 'export const now = Date.now()', GLOBALS, 'resume.ts'],
  ['src/diagnose', value('../catalogue/row.ts')],
  ['src/diagnose', value('../watch/pod-cache.ts')],
  ['src/diagnose/registry', value('../incident.ts')],
  ['src/diagnose', type('../decide/decide.ts'), IMPORTS],
  ['src/diagnose/registry', value('../../report/events.ts'), IMPORTS],
  ['src/report', value('../diagnose/conclude.ts')],
  ['src/report', value('../controller/reconcile.ts'), IMPORTS],
  ['src/report', type('../cli/output.ts'), IMPORTS],
  ['src/controller', value('../decide/decide.ts')],
  ['src/controller', value('../cli/output.ts'), IMPORTS],
  ['src/cli', value('../controller/evaluate.ts')],
  ['src/cli/explain', value('../../agent/agent.ts'), IMPORTS],

  ['src/agent', value('../runtime/clock.ts')],
  ['src/agent', value('zod'), IMPORTS],
  ['src/agent', type('@kubernetes/client-node'), IMPORTS],
  ['src/agent', value('../decide/decide.ts'), IMPORTS],
  ['src/agent', value('../remedies/list.ts'), IMPORTS],

  ['src/runtime', 'export const x = process.env', PROPERTIES],
  ['src/runtime', 'export const x = process.env.HOME', PROPERTIES],
  ['src/runtime', 'export const { env } = process', PROPERTIES],
  ['src/runtime', 'export const x = () => process.exit(1)', PROPERTIES],
  ['scripts', 'export const x = process.env'],
  ['src/runtime', "console.log('x')", 'no-console'],

  ['src/runtime', 'const f = async () => 1\nexport const g = () => { f() }', 'no-floating-promises'],
  ['src/runtime', 'export const g = (l: number[]) => { l.forEach(async () => {}) }', 'no-misused-promises'],
  [
    'src/runtime',
    "export const g = (k: 'a' | 'b') => { switch (k) { case 'a': return 1 } return 2 }",
    'switch-exhaustiveness-check',
  ],
  ['src/runtime', "export const g = () => { throw 'x' }", 'only-throw-error'],
  ['src/runtime', 'export const g = (x: any) => x', 'no-explicit-any'],
  ['src/runtime', 'export const g = (x?: string) => x!', 'no-non-null-assertion'],
  ['src/runtime', 'export const g = (x: number) => x == 1', 'eqeqeq'],
  ['src/runtime', 'export default 1', 'no-default-export'],
]

interface Diagnostic {
  readonly code: string
  readonly filename: string
}

const run = (cwd: string): Promise<readonly Diagnostic[]> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` }
    execFile(
      join(bin, 'oxlint'),
      ['--type-aware', '-f', 'json', '.'],
      { cwd, env, maxBuffer: 1 << 26 },
      (_, stdout, stderr) => {
        try {
          resolve((JSON.parse(stdout) as { diagnostics: Diagnostic[] }).diagnostics)
        } catch (cause) {
          reject(new Error(`linting the snippets: ${stdout.slice(0, 500)}${stderr.slice(0, 500)}`, { cause }))
        }
      },
    )
  })

let directory = ''
let rulesByFile: ReadonlyMap<string, readonly string[]> = new Map()
const fileOf = ([folder, , , file]: Row, index: number): string =>
  file === undefined ? join(folder, `snippet-${index}.ts`) : join(folder, `case-${index}`, file)

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'podmend-lint-'))
  await cp(join(root, '.oxlintrc.json'), join(directory, '.oxlintrc.json'))
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(TSCONFIG))
  for (const [index, row] of rows.entries()) {
    const file = join(directory, fileOf(row, index))
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, `${row[1]}\n`)
  }
  // An import ring: two files that need each other.
  await writeFile(
    join(directory, 'src/remedies/ring-a.ts'),
    "import { b } from './ring-b.ts'\nexport const a = (): unknown => b\n",
  )
  await writeFile(
    join(directory, 'src/remedies/ring-b.ts'),
    "import { a } from './ring-a.ts'\nexport const b = (): unknown => a\n",
  )
  await writeFile(
    join(directory, 'src/remedies/type-ring-a.ts'),
    "import type { B } from './type-ring-b.ts'\nexport type A = B[]\n",
  )
  await writeFile(
    join(directory, 'src/remedies/type-ring-b.ts'),
    "import type { A } from './type-ring-a.ts'\nexport type B = A[]\n",
  )
  const found = new Map<string, string[]>()
  for (const { filename, code } of await run(directory)) found.set(filename, [...(found.get(filename) ?? []), code])
  rulesByFile = found
}, 60_000)

afterAll(() => rm(directory, { recursive: true, force: true }))

for (const [index, row] of rows.entries()) {
  const [folder, snippet, rule] = row
  const shown = snippet.split('\n')[0]
  test(`${folder}: ${shown} is ${rule ? `refused by ${rule}` : 'allowed'}`, () => {
    const rules = rulesByFile.get(fileOf(row, index)) ?? []
    if (rule) expect(rules.join(' ')).toContain(`(${rule})`)
    else expect(rules.filter((code) => code.includes('no-restricted'))).toEqual([])
  })
}

test.each(['ring-a', 'type-ring-a'])('Files that import each other in a ring are refused: %s', (file) => {
  expect(rulesByFile.get(`src/remedies/${file}.ts`)?.join(' ')).toContain('(no-cycle)')
})

test('Every folder of the house is known to the rules on the direction of imports', async () => {
  const config = await readFile(join(root, '.oxlintrc.json'), 'utf8')
  const entries = await readdir(join(root, 'src'), { withFileTypes: true })
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    expect(config, `src/${name} stands in no rule`).toMatch(new RegExp(`[(|/"]${name}[)|/"]`))
  }
})
