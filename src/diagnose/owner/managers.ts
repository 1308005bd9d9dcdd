import type { Manager } from '../../model/incident.ts'
import type { OwnerReference } from '../../model/kubernetes.ts'
import { FIELD_MANAGER } from '../../model/names.ts'
import { type Managed, MANAGER_ROWS, type Marks, qualified, type Trace } from './manager-marks.ts'

/** An operator that created the object: by its controller reference, or by a plain one, which is all that some operators set. */
const operatorOf = (references: readonly OwnerReference[], namespace: string | undefined): Manager | undefined => {
  const reference = references.find(({ controller }) => controller === true) ?? references[0]
  if (reference === undefined || reference.kind === 'Node') return undefined
  const { apiVersion, kind, name } = reference
  return {
    name: `operator of ${kind} ${name}`,
    writesBack: true,
    seenBy: `${reference.controller === true ? 'controller ' : ''}owner reference to ${kind} ${name}`,
    editAt: `${kind} ${qualified(namespace, name)} (${apiVersion})`,
  }
}

/** Marks are untrusted text: enough of it to find the place, not more. */
const MAX_TEXT = 300
const clipped = (trace: Trace): Trace => ({
  ...trace,
  seenBy: trace.seenBy.slice(0, MAX_TEXT),
  editAt: trace.editAt.slice(0, MAX_TEXT),
})

/** Who manages an object, tools that revert changes first; empty where no mark is found but our own. Pure, never throws. */
export const findManagers = ({ kind, metadata }: Managed): readonly Manager[] => {
  const marks: Marks = {
    kind,
    metadata,
    label: (key) => metadata.labels?.[key],
    annotation: (key) => metadata.annotations?.[key],
    fieldManager: (test) =>
      metadata.managedFields?.find(
        ({ manager, subresource }) =>
          manager !== undefined && manager !== FIELD_MANAGER && !subresource && test.test(manager),
      )?.manager,
  }
  const operator = operatorOf(metadata.ownerReferences ?? [], metadata.namespace)
  const found = MANAGER_ROWS.flatMap(({ name, writesBack, find }): readonly Manager[] => {
    const trace = find(marks)
    if (trace === undefined) return []
    const { keptBy, ...rest } = clipped(trace)
    return [{ name, writesBack, ...rest, ...(keptBy && { keptBy }) }]
  })
  const all = operator === undefined ? found : [operator, ...found]
  return [...all.filter(({ writesBack }) => writesBack), ...all.filter(({ writesBack }) => !writesBack)]
}
