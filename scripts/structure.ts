/**
 * Figures of the structure of src/ (tests left out), counted on its text.
 *
 *   npm run structure [-- -o json]
 *
 * - lines of code: neither blank nor only a comment; lengths are whole files.
 * - import circle: a group of files that import each other, types included (a strongly connected component).
 * - order: an import of a file in a folder that ORDER has further down.
 * - injected: members of the object type that an exported function `create…` takes first, or any takes as `…Deps`.
 * - the way of a repair, from a Warning Event to a patched Deployment and its status: the files that a reader opens who
 *   follows WAY, and how often the folder changes; `followWay` defines both. After files or functions move, edit WAY,
 *   VOCABULARY and ORDER: nothing else here knows a name of src/, and a name that is gone is an error.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { circles, injected, orderViolations, sizes } from './structure/count.ts'
import { readTree } from './structure/source.ts'
import { followWay } from './structure/way.ts'

/** The way of a repair, in the order of the calls. */
const WAY = [
  'watch/watch.ts',
  'watch/word.ts:wordOf',
  'pipeline/signals.ts:createSignals',
  'watch/board.ts:createBoard',
  'pipeline/look.ts:createLook',
  'pipeline/read-pod.ts:createReadPod',
  'diagnose/findings.ts:examinePod',
  'catalogue/classify.ts:classify',
  'pipeline/file-pod.ts:createFilePod',
  'diagnose/owner-chain.ts:readOwner',
  'pipeline/incidents.ts:createIncidents',
  'pipeline/reconcile.ts:createReconcile',
  'pipeline/still-failing.ts:createStillFailing',
  'diagnose/assemble-incident.ts:assembleIncident',
  'pipeline/world.ts:createWorld',
  'pipeline/settle.ts:settle',
  'diagnose/conclude.ts:conclude',
  'decide/decide.ts:decide',
  'decide/match.ts:governing',
  'decide/plan.ts',
  'decide/plan-rewrite-image.ts:planRewriteImage',
  'decide/guardrails/chain.ts:GUARDRAILS',
  'diagnose/gather.ts:createGather',
  'report/reporter.ts:createReporter',
  'report/report.ts:createReport',
  'report/record.ts:recordIntent',
  'act/act.ts',
  'act/rewrite-image.ts:rewriteImage',
  'act/patch-images.ts:patchImages',
  'report/record.ts:recordChange',
  'report/remediation-status.ts:nextStatus',
  'report/notes.ts:notesOf',
  'report/events.ts:createEventWriter',
  'report/tally.ts:tallyOf',
  'report/metrics.ts',
]

/** Folders that hold words and tools, no step of the way. */
const VOCABULARY = ['api', 'model', 'runtime', 'kube']

/** Imports run from a later group to an earlier one, or within a group. A folder that is not here is not judged. */
const ORDER = [
  ['model'],
  ['api', 'kube', 'runtime', 'catalogue', 'config', 'config.ts', 'config-flags.ts'],
  ['watch', 'remedies'],
  ['diagnose'],
  ['decide'],
  ['act', 'report'],
  ['pipeline', 'controller'],
  ['command', 'cli', 'agent'],
  ['entries'],
]

const { values } = parseArgs({ options: { output: { type: 'string', short: 'o', default: 'table' } } })
const tree = readTree(fileURLToPath(new URL('../src', import.meta.url)))
const way = followWay(tree, WAY, VOCABULARY)
const figures = {
  ...sizes(tree),
  circles: circles(tree),
  orderViolations: orderViolations(tree, ORDER),
  injected: injected(tree).slice(0, 5),
  filesOpened: way.files.length,
  folderChanges: way.folderChanges,
  opened: way.files,
}

const [most] = figures.injected
const TABLE: readonly (readonly [string, string | number])[] = [
  ['files', figures.files],
  ['median length', figures.medianLines],
  ['files under 40 lines', figures.under40],
  ['lines', figures.lines],
  ['lines of code', figures.code],
  ['largest file', `${figures.largest.lines} (${figures.largest.file})`],
  ['import circles', figures.circles.length],
  ['imports against the order', figures.orderViolations.length],
  ['largest injected interface', most ? `${most.members} (${most.type} of ${most.function})` : 0],
  ['files opened on the way of a repair', figures.filesOpened],
  ['folder changes on that way', figures.folderChanges],
]

if (values.output === 'json') console.log(JSON.stringify(figures, null, 2))
else for (const [name, value] of TABLE) console.log(`${name.padEnd(38)}${value}`)
