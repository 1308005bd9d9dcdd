import type { Remediation } from '../../api/kinds.ts'
import { ownerOfObject } from '../../diagnose/owner/owner-chain.ts'
import { notFound } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import { REVERTED_IMAGE_ANNOTATION } from '../../model/names.ts'
import type { Owner } from '../../model/incident.ts'
import type { Pod, Workload } from '../../model/kubernetes.ts'
import type { Outcome } from '../../model/plan.ts'
import { act as rewriteImage } from '../../remedies/rewrite-image/act.ts'
import type { RewriteImagePlan } from '../../remedies/rewrite-image/plan.ts'
import type { ActApi } from '../../remedies/writes.ts'
import { systemClock } from '../../runtime/clock.ts'
import { type Cluster, CLUSTER_OPTIONS, NAMESPACE_OPTION, withCluster } from '../cluster.ts'
import { parseNamed, RECORD_KINDS } from '../object-ref.ts'
import { eachOf } from '../snapshot/failing-pods.ts'
import { EXIT, Refusal, subcommand } from '../subcommand.ts'
import { printable } from '../../model/printable.ts'
import { createPaint, formatData, paintDiff } from '../terminal.ts'
import { planUndo, podsWrittenBy } from './plan.ts'

/** Not the controller's field manager, so that the controller recognizes a person's edit and does not rewrite the image. */
const FIELD_MANAGER = 'kubectl-mend'

const readRecord = ({ client, namespace }: Cluster, name: string): Promise<Remediation> =>
  client.get<Remediation>(pathOf({ kind: 'Remediation', namespace, name })).catch((error: unknown) => {
    if (!notFound(error)) throw error
    throw new Refusal(`Remediation ${name} does not exist in namespace ${namespace}; kubectl get rem -A lists them`)
  })

const readTarget = async ({ client }: Cluster, record: Remediation): Promise<Owner> => {
  const { apiVersion, kind, name, uid } = record.spec.target
  const namespace = record.metadata.namespace ?? ''
  const gone = `${kind} ${namespace}/${name} of Remediation ${record.metadata.name} no longer exists`
  const object = await client
    .get<Workload & Pod>(pathOf({ apiVersion, kind, namespace, name }))
    .catch((error: unknown) => {
      if (!notFound(error)) throw error
      throw new Refusal(`${gone}; nothing to undo`)
    })
  if (object.metadata.uid !== uid) throw new Refusal(`${gone}: another object has its name; nothing was undone`)
  return ownerOfObject({ apiVersion, kind, namespace, name, uid }, object)
}

/** The existing pods of Jobs that the record wrote to. */
const readPodsOf = async ({ client }: Cluster, record: Remediation): Promise<readonly Pod[]> => {
  const { namespace } = record.metadata
  const pods = await eachOf(podsWrittenBy(record), ({ name, uid }) =>
    client.get<Pod>(pathOf({ kind: 'Pod', namespace, name })).then(
      (pod) => (pod.metadata.uid === uid ? [pod] : []),
      (error: unknown) => {
        if (!notFound(error)) throw error
        return []
      },
    ),
  )
  return pods.flat()
}

/** The guarded patch of RewriteImage, with the user's permissions. */
const write = (plan: RewriteImagePlan, { client }: Cluster): Promise<Outcome> => {
  const kube: ActApi = {
    get: (path) => client.get(path),
    create: (path, body) => client.create(path, body),
    remove: (path, body) => client.remove(path, body),
    patch: (path, body, options) => client.patch(path, body, { ...options, fieldManager: FIELD_MANAGER }),
  }
  return rewriteImage(plan, { kube, clock: systemClock })
}

const confirm = (outcome: Outcome, name: string): string => {
  switch (outcome.kind) {
    case 'Done':
      return `${name}: the original images are restored; podmend does not write the others again, under any policy, until the policy that wrote them changes or, once the Remediation is gone, annotation ${REVERTED_IMAGE_ANNOTATION} is removed`
    case 'AlreadyDone':
      return `${name} already has its original images`
    case 'Stale':
      throw new Refusal(`${outcome.why}; nothing was undone`)
    case 'Refused':
      throw new Refusal(`${outcome.why}; nothing was undone`)
  }
}

export const undoCommand = subcommand(
  {
    name: 'undo',
    synopsis: 'rem/NAME [options]',
    text:
      'Restores the images that a Remediation rewrote, with your own rights, in one patch that changes nothing if ' +
      'the workload has changed since; for Jobs, also in the pods that still wait. The controller treats this as a ' +
      'human decision and does not write the images again (EditReverted).',
    examples: ['kubectl mend undo rem/coredns-image-5f0c2d1e -n kube-system --dry-run'],
  },
  {
    ...CLUSTER_OPTIONS,
    ...NAMESPACE_OPTION,
    'dry-run': { type: 'boolean', help: 'show the change without writing it' },
    output: { type: 'string', short: 'o', choices: ['json', 'yaml', 'wide'], help: 'print as data; wide is the text' },
  },
  async ({ values, positionals }, terminal) => {
    const { name } = parseNamed(positionals, RECORD_KINDS)
    const result = await withCluster(values, terminal, async (cluster) => {
      const record = await readRecord(cluster, name)
      const undo = planUndo(record, await readTarget(cluster, record), await readPodsOf(cluster, record))
      if (undo.kind === 'Refused') throw new Refusal(undo.why)
      const { kind, name: target } = record.spec.target
      if (undo.kind === 'AlreadyUndone')
        return { target: `${kind}/${target}`, diff: '', written: false, message: undo.why }
      const { plan } = undo
      if (values['dry-run'])
        return { target: `${kind}/${target}`, diff: plan.diff, written: false, message: 'dry run: nothing was written' }
      const message = confirm(await write(plan, cluster), `${kind} ${target}`)
      return { target: `${kind}/${target}`, diff: plan.diff, written: true, message }
    })
    const { diff, message } = printable(result)
    const text = `${diff === '' ? '' : `${paintDiff(diff, createPaint(terminal.colour))}\n`}${message}\n`
    await terminal.write(formatData(result, values.output) ?? text)
    return EXIT.done
  },
)
