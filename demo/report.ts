/** The report at the end of the demo: the records, the diff, the times, and what was not changed and why. */
import { createPaint, paintDiff } from '../src/cli/terminal.ts'
import { isBookkeeping } from '../testbed/audit.ts'
import { type DemoCluster, REGISTRY_ADDRESSES } from './cluster.ts'
import type { DemoResult } from './driver.ts'
import { REPAIRED } from './fixture.ts'
import { type Timeline, wrapped } from './timeline.ts'
import { recordOf } from './verify.ts'

const WIDTH = 96

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

const paragraph = (text: string): string =>
  wrapped(text, WIDTH)
    .map((line) => `  ${line}`)
    .join('\n')

/** Shows the report as sections of text, or as JSON lines. */
export const showReport = async (
  cluster: DemoCluster,
  result: DemoResult,
  timeline: Timeline,
  colour: boolean,
): Promise<void> => {
  const paint = createPaint(colour)
  const section = (title: string, body: string): void => timeline.print(`\n${paint.bold(title)}\n${body}`)
  const { outcome, problems, runningAfter, verifiedAfter } = result
  const { repaired, leftAlone, records, writes } = outcome

  const table = await cluster.kubectl(['get', 'remediations', '-A'])
  section('$ kubectl get remediations -A', table.trimEnd())

  const step = recordOf(records, REPAIRED.place)?.status?.steps?.findLast(({ diff }) => diff !== undefined)
  section(
    `The diff that was written to ${REPAIRED.place}`,
    paintDiff(step?.diff ?? '(none)', paint).replaceAll(/^/gm, '  '),
  )

  const outside = writes.filter((write) => !isBookkeeping(write))
  const dry = outside.filter(({ dryRun }) => dryRun).length
  const sent = `${counted(outside.length - dry, 'write')} and ${counted(dry, 'dry run')}`
  section(
    'Summary',
    [
      paragraph(
        `${REPAIRED.place} ran ${runningAfter} s after its first failure; the repair was verified after ${verifiedAfter} s`,
      ),
      ...repaired
        .filter(({ place }) => place !== REPAIRED.place)
        .map(({ place, why }) => paragraph(`${place} was repaired too: ${why}`)),
      paragraph(
        `according to the audit log, podmend sent ${sent}, apart from its own records, Events, status and lease`,
      ),
    ].join('\n'),
  )
  const reasons = leftAlone.map(({ place, why }) => {
    const status = recordOf(records, place)?.status
    return [
      `  ${paint.bold(place)}: ${paint.yellow(status?.reason ?? 'no record')}`,
      ...[why, `podmend: ${status?.explanations?.[0]?.message ?? status?.message ?? ''}`].map((text) =>
        wrapped(text, WIDTH - 2)
          .map((line) => `    ${line}`)
          .join('\n'),
      ),
    ].join('\n')
  })
  section('Not changed (same spec, generation and resourceVersion as before)', reasons.join('\n'))
  timeline.print('')

  for (const problem of problems) timeline.say({ who: 'demo', what: 'Problem', text: problem, mood: 'bad' })
  const ok = problems.length === 0
  timeline.say({
    who: 'demo',
    what: 'Result',
    text: ok ? 'repaired and verified; nothing else was changed' : 'the demo did not end as expected',
    mood: ok ? 'good' : 'bad',
    data: {
      ok,
      runningAfter,
      verifiedAfter,
      diff: step?.diff ?? null,
      repaired: repaired.map(({ place }) => place),
      leftAlone: leftAlone.map(({ place }) => {
        const status = recordOf(records, place)?.status
        const likeliest = status?.explanations?.[0]
        return {
          place,
          reason: status?.reason ?? null,
          ...(likeliest && { explained: { kind: likeliest.kind, image: likeliest.image ?? null } }),
        }
      }),
      remediations: records.map(({ metadata: { namespace, name }, spec, status }) => ({
        namespace,
        name,
        cause: status?.cause ?? spec.cause,
        target: `${spec.target.kind}/${spec.target.name}`,
        phase: status?.phase,
        reason: status?.reason,
      })),
    },
  })
}

/** What to try with the kept cluster. */
export const showKeptCluster = (cluster: DemoCluster, { outcome }: DemoResult, timeline: Timeline): void => {
  const { plane, hostsDir } = cluster
  const record = recordOf(outcome.records, REPAIRED.place)?.metadata.name ?? 'NAME'
  timeline.say({
    who: 'demo',
    what: 'Kept',
    text: 'everything runs until Ctrl-C; the time line continues',
    data: { kubeconfig: plane.kubeconfig, kubectl: plane.kubectl, registryHostsDir: hostsDir },
  })
  timeline.print(`
  export KUBECONFIG=${plane.kubeconfig}
  export PODMEND_REGISTRY_HOSTS_DIR=${hostsDir}
  export PODMEND_ALLOW_REGISTRY_ADDRESS=${REGISTRY_ADDRESSES}
  alias kubectl=${plane.kubectl}

  kubectl describe rem/${record} -n kube-system
  npm run --silent mend -- explain deploy/guestbook
  npm run --silent mend -- undo rem/${record} -n kube-system
  kubectl annotate deploy guestbook argocd.argoproj.io/tracking-id-   # podmend then repairs it
`)
}
