import type { ObjectRef, Pod, Workload } from '../api/kubernetes.ts'
import type { Owner } from './incident.ts'
import { ownerOfPod, ownerOfWorkload } from './owner.ts'
import { ownerOfCronJob, ownerOfJob } from './owner-jobs.ts'

/** Kinds that a repair is written to, with their API version. */
const REPAIRED: Readonly<Record<string, string>> = {
  Pod: 'v1',
  Deployment: 'apps/v1',
  ReplicaSet: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
}

/** Whether objects of that kind can be an owner that is written to. */
export const isRepaired = ({ kind, apiVersion }: Pick<ObjectRef, 'kind' | 'apiVersion'>): boolean =>
  Object.hasOwn(REPAIRED, kind) && REPAIRED[kind] === apiVersion

/** An object of one of these kinds, as read, in the shape that decisions need. */
export const ownerOfObject = (ref: ObjectRef, object: Workload & Pod): Owner => {
  switch (ref.kind) {
    case 'Pod':
      return ownerOfPod(object)
    case 'Job':
      return ownerOfJob(ref, object)
    case 'CronJob':
      return ownerOfCronJob(ref, object)
    default:
      return ownerOfWorkload(ref, object)
  }
}
