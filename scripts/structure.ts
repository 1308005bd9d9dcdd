/**
 * Figures of the structure of src/ (tests left out), counted on its text.
 *
 *   npm run structure [-- -o json]
 *
 * - lines of code: neither blank nor only a comment; lengths are whole files.
 * - import circle: a group of files that import each other, types included (a strongly connected component).
 * - order: an import of a value from a folder that ORDER has further down. Lint refuses most types as well; model/ may take
 *   types from api/.
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

/** The way of a repair, in the order of the calls; what is called again, such as `nextStatus`, stands where it is called first. */
const WAY = [
  'watch/informers.ts',
  'watch/pod-cache.ts:startupWarningOf',
  'catalogue/classify.ts:classify',
  'controller/event-handlers.ts:createEventHandlers',
  'watch/pod-cache.ts:createPodCache',
  'controller/failing-pods.ts:createProcessPod',
  'diagnose/pod/findings.ts:detectPodFailures',
  'diagnose/owner/owner-chain.ts:readOwner',
  'controller/incidents.ts:createIncidents',
  'controller/reconcile.ts:createReconcile',
  'controller/failing-pods.ts:createFailingPods',
  'diagnose/incident.ts:buildIncident',
  'controller/evaluate.ts:snapshotOf',
  'controller/evaluate.ts:evaluate',
  'diagnose/conclude.ts:diagnose',
  'diagnose/gather.ts:createGather',
  'decide/decide.ts:decide',
  'decide/match.ts:candidateOf',
  'decide/proposal.ts',
  'remedies/list.ts',
  'remedies/rewrite-image/plan.ts:planRewriteImage',
  'decide/guardrails/chain.ts:GUARDRAILS',
  'controller/write.ts:createWrites',
  'report/report.ts:createReport',
  'report/remediation.ts:recordIntent',
  'report/status.ts:nextStatus',
  'remedies/list.ts',
  'remedies/rewrite-image/act.ts:act',
  'report/remediation.ts:recordChange',
  'report/events.ts:eventsOf',
  'report/metrics.ts:metricsDeltaOf',
]

/** Folders that hold words and tools, no step of the way. */
const VOCABULARY = ['api', 'model', 'runtime', 'kube']

/** Imports run from a later group to an earlier one, or within a group. A folder that is not here is not judged. */
const ORDER = [
  ['model'],
  ['runtime'],
  ['api', 'kube', 'catalogue'],
  ['config', 'watch', 'remedies'],
  ['diagnose', 'decide'],
  ['report'],
  ['controller'],
  ['cli', 'agent'],
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
