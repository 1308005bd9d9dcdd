/** Who wrote a container's image last, by the owner's managedFields. */
import type { ManagedFieldsEntry } from '../api/kubernetes.ts'
import { parseTime } from '../api/time.ts'
import type { Owner } from '../diagnose/incident.ts'
import { type Named, podSpecPath } from './template.ts'

const at = (fields: unknown, key: string): unknown =>
  typeof fields === 'object' && fields !== null && Object.hasOwn(fields, key)
    ? (fields as Readonly<Record<string, unknown>>)[key]
    : undefined

const ownsImage = ({ fieldsV1 }: ManagedFieldsEntry, { ref }: Owner, { container, init }: Named): boolean => {
  const path = [
    ...podSpecPath(ref.kind).map((part) => `f:${part}`),
    init ? 'f:initContainers' : 'f:containers',
    `k:${JSON.stringify({ name: container })}`,
    'f:image',
  ]
  return path.reduce(at, fieldsV1) !== undefined
}

/** The manager that wrote the image last; undefined where nobody is recorded. */
const lastWriter = (owner: Owner, named: Named): ManagedFieldsEntry | undefined =>
  owner.managedFields
    .filter((entry) => entry.subresource === undefined || entry.subresource === '')
    .filter((entry) => ownsImage(entry, owner, named))
    .toSorted((a, b) => (parseTime(b.time) ?? 0) - (parseTime(a.time) ?? 0))[0]

/** `kubectl-edit at 2026-01-02T03:04:05Z`, for a sentence. */
export const sayWriter = (owner: Owner, named: Named): string => {
  const writer = lastWriter(owner, named)
  return writer ? `${writer.manager ?? 'somebody'}${writer.time ? ` at ${writer.time}` : ''}` : 'somebody'
}
