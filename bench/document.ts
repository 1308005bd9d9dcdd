/** docs/benchmarks.md, written by `npm run bench -- --write`. Pure. */
import { WARM_UP } from './latency.ts'
import type { Results } from './results.ts'
import { tablesOf } from './tables.ts'

const METHOD = `How each is measured:

- The contenders run one after the other (for P1 in turns, three rounds each), each as its own process with an empty environment, against the same control plane
  (etcd, kube-apiserver, kube-controller-manager on loopback). podmend runs as it is shipped, as one bundle, with
  the RBAC roles of \`manifests/\`. The reference (\`bench/reference.ts\`) is the same job on \`makeInformer\` and the typed API
  of @kubernetes/client-node; it has no policies and no guardrails, writes no Events and reads neither namespace nor node.
- Healthy and broken pods are of the size that charts make; each broken workload is a Deployment of one pod, made by the
  real controllers. A failing status (\`ErrImagePull\`) is written as a kubelet writes it, with its Event beside it.
- Times are the API server's own, from its audit log: from the answer to the failing status (commit) until the contender's
  first write on the pod itself arrives. The first ${WARM_UP} incidents of each round are left out of p50 and p99; the very
  first, cold one is shown beside.
- F is the p50 of a bare loop (\`bench/bare.ts\`: line of the watch → GET → DELETE guarded by uid and resourceVersion → 200)
  in the same run and by the same clock, from the commit to the answer of its DELETE.
- Memory is VmRSS and RssAnon of \`/proc/PID/status\`, the median of five readings after a time of rest.
- Requests are counted in the audit log by user; watches (their first reading included) and the lease go with time and not
  with remediations, and are left out.
- Node agents have a node, a pod and that pod's own token each, and nothing to do. Their CPU time is the kernel's (utime and
  stime of \`/proc/PID/stat\`) over the time of rest; all their requests count, the watch opened again among them.
- Messages are classified by one process, over and over for 3 s; the loop beside it asks each row in turn, with \`includes\` and JavaScript's
  own patterns, and knows neither contexts nor wrapping. How soon the loop of events answers while 10,000 pods are read is not measured yet.
- Connections are counted by a TCP forwarder before the API server, from the start of the process.
`

/** Why a goal of a row can be missed. */
const REASONS = {
  P1: 'Five trips lie one after another before the write (owner, namespace and node, record, intent), each write through admission and etcd; F has two. Where other work keeps the cores busy, each trip also waits for its turn, and p99 is made of such turns.',
  P3: 'Readings of one process differ by some MB from start to start; a difference within that is no growth.',
  P5: 'Beyond the least are the Events on the policy and its second status write, which users are promised; what else there is was read again because the world moved meanwhile.',
  P10: 'An empty Node process holds 45 MB, one with an open TLS connection 59; what is ours is the rest.',
  P11: 'The machine was busy with other work, or a row was added whose words are common.',
  P6: 'The pool (16), the watches (5) and the lease (1) are opened once; with fewer than 4,400 calls that is more than 5 in 1,000.',
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
  return rows.length === 0 ? 'Everything that was measured reached its goal.' : rows.join('\n')
}

const numberOf = (section: string): number => Number(/^## P(\d+)/.exec(section)?.[1])

/** The sections of a document, or of tables, that are one row each. */
const sectionsIn = (text: string): readonly string[] =>
  text.split(/^(?=## P\d)/m).flatMap((part) => (numberOf(part) > 0 ? [`${part.trim()}\n`] : []))

/** What was measured now, each saying when; and of the document as it was the sections of other rows. */
const mergedSections = ({ date, machine, ...results }: Results, before: string): string => {
  const when = `Measured by itself on ${date}, load average ${machine.load.toFixed(1)} before the start.`
  const fresh = sectionsIn(tablesOf({ date, machine, ...results })).map((section) =>
    section.replace('\n', `\n\n${when}\n`),
  )
  const numbers = new Set(fresh.map(numberOf))
  const kept = sectionsIn(before).filter((section) => !numbers.has(numberOf(section)))
  return [...kept, ...fresh].toSorted((a, b) => numberOf(a) - numberOf(b)).join('\n')
}

/** `before`: the document as it stands, of which what was not measured now is kept. */
export const documentOf = (results: Results, before?: string): string => {
  const { date, machine, healthy, incidents } = results
  const written = `Written by \`npm run bench -- --write\` on ${date}: ${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, load average
${machine.load.toFixed(1)} before the start, Node ${machine.node},
Kubernetes ${machine.kubernetes}; ${healthy} healthy pods, ${incidents} incidents for each contender. etcd, the API server, the controllers, the load and the
contender share the cores, so ratios say more than milliseconds.`
  const tables = before === undefined ? tablesOf(results) : mergedSections(results, before)
  const head = before === undefined ? written : (/^Written by [^]*?(?=\n\n)/m.exec(before)?.[0] ?? written)
  return `# Benchmarks

${head}

${METHOD}
## What is not reached, and why

${missedIn(tables)}

${tables}`
}
