/** docs/benchmarks.md, written by `npm run bench -- --write`. Pure. */
import { WARM_UP } from './latency.ts'
import type { Results } from './results.ts'
import { tablesOf } from './tables.ts'

const METHOD = `How each row is measured:

- The contenders run one after the other (for P1 in turns, three rounds each), each as its own process with an empty environment, against the same control plane
  (etcd, kube-apiserver, kube-controller-manager on loopback). podmend runs as shipped, as one bundle, with
  the RBAC roles of \`manifests/\`. The reference (\`bench/reference.ts\`) does the same job with \`makeInformer\` and the typed API
  of @kubernetes/client-node; it has no policies and no guardrails, writes no Events and reads neither namespace nor node.
- Healthy and broken pods have the size of pods from charts; each broken workload is a Deployment of one pod, created by the
  real controllers. A failing status (\`ErrImagePull\`) is written as a kubelet writes it, together with its Event.
- Times come from the audit log of the API server: from the response to the failing status (commit) until the contender's
  first write on the pod itself arrives. The first ${WARM_UP} incidents of each round are excluded from p50 and p99; the very
  first, cold one is shown separately.
- F is the p50 of a bare loop (\`bench/bare.ts\`: line of the watch → GET → DELETE guarded by uid and resourceVersion → 200)
  in the same run and by the same clock, from the commit to the response to its DELETE.
- Memory is VmRSS and RssAnon of \`/proc/PID/status\`, the median of five readings after an idle period.
- Requests are counted in the audit log by user. Watches (their initial list included) and the lease depend on time and not
  on remediations, and are excluded.
- Each node agent has a node, a pod and that pod's own token, and is idle. CPU time is the kernel's (utime and
  stime of \`/proc/PID/stat\`) over the idle period. All requests count, watch restarts included.
- One process classifies the messages repeatedly for 3 s. The loop for comparison tries one row after the other, with \`includes\` and JavaScript's
  own regular expressions, and knows neither contexts nor wrapped errors. The event loop delay is that of the process from its start until it
  has read all healthy pods.
- A TCP forwarder in front of the API server counts connections from the start of the process.
`

/** Why a row can miss a goal. */
const REASONS = {
  P1: 'Five sequential round trips precede the write (owner, namespace and node, record, intent), each write through admission and etcd; F has two. If other work keeps the cores busy, each round trip also waits for a core, and these waits dominate p99.',
  P3: 'Readings of one process differ by some MB between starts; a difference within that range is not growth.',
  P5: 'Beyond the least are the documented Events on the policy and its second status write; other requests are repeated reads after a conflict.',
  P10: 'An empty Node.js process uses 45 MB, one with an open TLS connection 59 MB; only the rest belongs to the agent.',
  P11: 'The machine was busy with other work, or a new row contains common words.',
  P6: 'The pool (16), the watches (5) and the lease (1) are opened once; with fewer than 4,400 calls that is more than 5 per 1,000.',
} as const

const missedIn = (tables: string): string => {
  const rows = (Object.keys(REASONS) as (keyof typeof REASONS)[]).flatMap((row) => {
    const sections = tables.split('## ').filter((section) => section.startsWith(`${row}:`))
    const lines = sections
      .join('')
      .split('\n')
      .filter((line) => line.includes('NOT reached'))
    const figures = lines.flatMap((line) => {
      const [, name = '', ...cells] = line.split('|').map((cell) => cell.trim())
      return cells.filter((cell) => cell.includes('NOT reached')).map((cell) => `${name}: ${cell}`)
    })
    return figures.length === 0 ? [] : [`- ${row}. ${figures.join('; ')}. ${REASONS[row]}`]
  })
  return rows.length === 0 ? 'All measured rows reached their goals.' : rows.join('\n')
}

const numberOf = (section: string): number => Number(/^## P(\d+)/.exec(section)?.[1])

/** The sections of a document that are one row each. */
const sectionsIn = (text: string): readonly string[] =>
  text.split(/^(?=## P\d)/m).flatMap((part) => (numberOf(part) > 0 ? [`${part.trim()}\n`] : []))

/** The rows measured now, each with its date; and the sections of the other rows from the existing document. */
const mergedSections = ({ date, machine, ...results }: Results, before: string): string => {
  const when = `Measured separately on ${date}, load average ${machine.load.toFixed(1)} before the start.`
  const fresh = sectionsIn(tablesOf({ date, machine, ...results })).map((section) =>
    section.replace('\n', `\n\n${when}\n`),
  )
  const numbers = new Set(fresh.map(numberOf))
  const kept = sectionsIn(before).filter((section) => !numbers.has(numberOf(section)))
  return [...kept, ...fresh].toSorted((a, b) => numberOf(a) - numberOf(b)).join('\n')
}

/** `before`: the existing document, of which the rows that were not measured now are kept. */
export const documentOf = (results: Results, before?: string): string => {
  const { date, machine, healthy, incidents } = results
  const written = `Written by \`npm run bench -- --write\` on ${date}: ${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, load average
${machine.load.toFixed(1)} before the start, Node ${machine.node},
Kubernetes ${machine.kubernetes}; ${healthy} healthy pods, ${incidents} incidents for each contender. etcd, the API server, the controllers, the load and the
contender share the cores, so ratios are more meaningful than milliseconds.`
  const tables = before === undefined ? tablesOf(results) : mergedSections(results, before)
  const head = before === undefined ? written : (/^Written by [^]*?(?=\n\n)/m.exec(before)?.[0] ?? written)
  return `# Benchmarks

${head}

${METHOD}
## Goals not reached, and why

${missedIn(tables)}

${tables}`
}
