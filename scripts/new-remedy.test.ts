/**
 * What a new remedy touches: its folder, one entry in the list, its options in the API, and a value of the chart. A toy is
 * added to a copy of the tree in just these places; then the copy must type-check, plan with it and generate for it. A
 * switch over the types anywhere else makes the compiler object, a list of their names makes the second test object.
 */
import { execFile } from 'node:child_process'
import { cp, glob, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ACTION_TYPES } from '../src/api/policy/actions.ts'

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)

const FOLDER = {
  'plan.ts': `import type { ApplicablePolicy, DecisionInput } from '../../model/decision-input.ts'
import { parseDuration } from '../../model/duration.ts'
import type { Plan } from '../../model/plan.ts'
import type { ActionStep, Planned } from '../remedy.ts'
import { hashOf } from '../text.ts'

export interface PageOnCallPlan extends Plan {
  readonly type: 'PageOnCall'
  readonly team: string
}

export const planPageOnCall = (
  { incident }: DecisionInput,
  { policy }: ApplicablePolicy,
  { action, index }: ActionStep,
): Planned<PageOnCallPlan> => {
  const target = incident.owner.ref
  const { generation } = policy
  return {
    plan: {
      type: 'PageOnCall',
      index,
      target,
      timeoutMs: parseDuration(action.timeout),
      team: action.pageOnCall?.team ?? '',
      diff: '',
      hash: hashOf({ generation, type: 'PageOnCall', target, changes: [], pods: [] }),
    },
  }
}
`,
  'remedy.ts': `import { type PureRemedy, UNWRITTEN } from '../remedy.ts'
import { type PageOnCallPlan, planPageOnCall } from './plan.ts'

export const pageOnCall: PureRemedy<PageOnCallPlan> = {
  type: 'PageOnCall',
  onNode: 'Nothing',
  needsAgent: false,
  event: { reason: 'OnCallPaged', type: 'Normal', meaning: 'The team on call was paged.' },
  text: {
    plan: ({ team }) => \`page \${team}\`,
    step: () => 'page the team on call',
    done: (_step, { kind, name }) => \`Paged the team on call for \${kind} \${name}\`,
    written: 'the page is sent',
    awaited: 'the team',
  },
  plan: planPageOnCall,
  record: ({ target }) => ({ target }),
  resume: () => UNWRITTEN,
  verify: () => ({ lacks: 'the team has not answered' }),
}
`,
  'act.ts': `import type { Outcome } from '../../model/plan.ts'
import type { RbacGrant } from '../../model/rbac.ts'
import type { ActDeps } from '../writes.ts'
import type { PageOnCallPlan } from './plan.ts'

export const RBAC: RbacGrant = {
  action: 'PageOnCall',
  rules: [{ apiGroups: ['page.example.com'], resources: ['pages'], verbs: ['create'], why: 'to page a team' }],
}

export const act = async ({ team }: PageOnCallPlan, { kube, clock }: ActDeps): Promise<Outcome> => {
  await kube.create('/apis/page.example.com/v1/pages', { team })
  return { kind: 'Done', at: clock.now(), wrote: [], left: [] }
}
`,
}

/** The other three places: what is looked for, and what is put before it. */
const LINES: readonly (readonly [file: string, before: RegExp, text: string])[] = [
  [
    'src/remedies/list.ts',
    /^import type \{ PureRemedy, Remedy \}/m,
    "import { act as page } from './page-on-call/act.ts'\nimport { pageOnCall } from './page-on-call/remedy.ts'\n",
  ],
  ['src/remedies/list.ts', /^ {2}RewriteImage:/m, '  PageOnCall: { ...pageOnCall, act: page },\n'],
  [
    'src/api/policy/actions.ts',
    /^ {2}RewriteImage: \{\n {4}does/m,
    "  PageOnCall: {\n    does: 'Page the team on call.',\n    options: z.strictObject({ team: text(63, 'The team to page.') }),\n  },\n",
  ],
  [
    'charts/podmend/values.yaml',
    /^ {2}rewriteImage:/m,
    '  pageOnCall:\n    # Page the team on call.\n    enabled: false\n',
  ],
]

/** Run in the copy: a policy with the toy is admitted, decided on, recorded and told of; what is generated knows it. */
const CHECK = `import assert from 'node:assert/strict'
import { decide } from '../src/decide/decide.ts'
import { aCase, aPolicy } from '../src/decide/testing.ts'
import { schemaOf } from '../src/api/crd.ts'
import { policySpec } from '../src/api/policy/policy.ts'
import { FLAGS } from '../src/config/flags.ts'
import { eventsOf } from '../src/report/events.ts'
import { aRecord, happens } from '../src/report/testing.ts'
import { chartActions } from './generate/chart-actions.ts'
import { declaredGrants, rolesOf } from './generate/rbac.ts'

const root = new URL('..', import.meta.url).pathname
const action = { type: 'PageOnCall', timeout: '5m', pageOnCall: { team: 'web' } }
const match = { causes: ['ProjectNotFound'] }
assert.equal(policySpec.safeParse({ match, actions: [action] }).success, true)
assert.equal(policySpec.safeParse({ match, actions: [{ ...action, type: 'RecyclePod' }] }).success, false)
assert.match(JSON.stringify(schemaOf(policySpec, 'spec')), /PageOnCall/)

const verdict = decide(aCase({ policies: [aPolicy({ actions: [action] })] }))
assert.equal(verdict.kind, 'Act')
assert.equal(verdict.plan.type, 'PageOnCall')
assert.equal(verdict.plan.team, 'web')
const intended = happens({}, { kind: 'Intended', verdict })
assert.equal(intended.action, 'PageOnCall')
const done = happens(intended, { kind: 'Acted', outcome: { kind: 'Done', at: 0, wrote: [], left: [] } })
const [event] = eventsOf(intended, aRecord(done))
assert.equal(event.reason, 'OnCallPaged')
assert.match(event.message, /^Paged the team on call for Deployment coredns because of ProjectNotFound/)
const observed = decide(aCase({ policies: [aPolicy({ mode: 'Observe', actions: [action] })] }))
assert.match(observed.message, /page web/)
assert.match(FLAGS.disabledActions.value, /PageOnCall/)

const [schema] = await chartActions.outputs(root)
assert.match(schema.text, /"pageOnCall": \\{/)
assert.ok(rolesOf(await declaredGrants(root)).some(({ name }) => name === 'podmend-page-on-call'))
`

let copy: string
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'new-remedy-'))
  for (const path of ['src', 'scripts', 'charts', 'tsconfig.json', 'package.json']) {
    await cp(join(root, path), join(copy, path), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
})
afterAll(() => rm(copy, { recursive: true, force: true }))

const write = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(join(copy, path)), { recursive: true })
  await writeFile(join(copy, path), text)
}

/** The compiler takes seconds, and more than a minute on a busy machine. */
const TYPECHECK_MS = 240_000

test(
  'A remedy is its folder, an entry of the list, its options in the API, and a value of the chart',
  async () => {
    for (const [file, text] of Object.entries(FOLDER)) await write(`src/remedies/page-on-call/${file}`, text)
    for (const [file, before, text] of LINES) {
      const old = await readFile(join(copy, file), 'utf8')
      expect(old, file).toMatch(before)
      await write(
        file,
        old.replace(before, (found) => text + found),
      )
    }
    const node = (script: string, ...args: readonly string[]) =>
      run(process.execPath, [join(root, 'node_modules', script), ...args], { cwd: copy }).catch(
        (error: { stdout: string; stderr: string }) => Promise.reject(new Error(error.stdout + error.stderr)),
      )
    // What only tests need is not what is proven here.
    const narrowed = { extends: './tsconfig.json', include: ['src'], exclude: ['**/*.test.ts', '**/testing*.ts'] }
    await write('tsconfig.copy.json', JSON.stringify(narrowed))
    await node('typescript/bin/tsc', '-p', 'tsconfig.copy.json', '--noEmit')
    await write('scripts/check.ts', CHECK)
    await run(process.execPath, [join(copy, 'scripts/check.ts')], { cwd: copy }).catch(
      (error: { stdout: string; stderr: string }) => Promise.reject(new Error(error.stdout + error.stderr)),
    )
  },
  TYPECHECK_MS,
)

/** Where a type may be named: the agent has verbs of the same name, and tests need examples. */
const NAMED = [/^src\/api\//, /^src\/model\/node-tasks\.ts$/, /testing[a-z-]*\.ts$/, /\.test\.ts$/]

const folderOf = (type: string): string =>
  `src/remedies/${type.replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}/`

test('No source but a remedy’s own folder names its type', async () => {
  const found: string[] = []
  for await (const file of glob('src/**/*.ts', { cwd: root })) {
    if (NAMED.some((place) => place.test(file))) continue
    const text = await readFile(join(root, file), 'utf8')
    const others = ACTION_TYPES.filter((type) => !file.startsWith(folderOf(type)))
    found.push(...others.filter((type) => new RegExp(`['"]${type}['"]`).test(text)).map((type) => `${file}: ${type}`))
  }
  expect(found).toEqual([])
})
