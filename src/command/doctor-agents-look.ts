/** What `doctor` reads of the node agents. */
import { API_VERSION, NODE_TASK_POLICY } from '../api/names.ts'
import type { NodeTask, RemediationPolicy } from '../api/objects.ts'
import { notFound } from '../runtime/errors.ts'
import { type KubeClient, listAll } from '../runtime/kube-client.ts'
import { pathOf } from '../runtime/paths.ts'
import type { Check } from './check.ts'
import { readAdmission } from './doctor-admission.ts'
import {
  AGENT_CHECKS,
  type DaemonSet,
  judgeAbsence,
  judgeAnswers,
  judgeDaemonSet,
  judgeOrders,
} from './doctor-agents.ts'
import { orUndefined, unreadable } from './doctor-read.ts'

type Client = Pick<KubeClient, 'get' | 'list'>

const DAEMON_SET = 'podmend-agent'

/** `installed` is undefined where it cannot be seen. */
interface Installation {
  readonly installed?: boolean
  readonly check: Check
}

const lookAtDaemonSet = (
  client: Client,
  namespace: string,
  policies: readonly RemediationPolicy[],
): Promise<Installation> =>
  client
    .get<DaemonSet>(pathOf({ kind: 'DaemonSet', namespace, name: DAEMON_SET }))
    .catch(orUndefined)
    .then(
      (found) =>
        found
          ? { installed: true, check: judgeDaemonSet(found, namespace) }
          : { installed: false, check: judgeAbsence(policies) },
      (error: unknown) => ({ check: unreadable(AGENT_CHECKS.agent)(error) }),
    )

/** The group's resources as everybody may read them, whatever rights on them there are. */
interface Discovery {
  readonly resources?: readonly { readonly kind?: string }[]
}

const lookAtOrders = (client: Client): Promise<Check> =>
  Promise.all([
    client.get<Discovery>(`/apis/${API_VERSION}`).catch(orUndefined),
    readAdmission(client, NODE_TASK_POLICY),
  ])
    .then(([group, admission]) =>
      judgeOrders(group?.resources?.some(({ kind }) => kind === 'NodeTask') === true, admission),
    )
    .catch(unreadable(AGENT_CHECKS.orders))

const lookAtAnswers = (client: Client, namespace: string, now: number): Promise<Check | undefined> =>
  listAll<NodeTask>(client, pathOf({ kind: 'NodeTask', namespace })).then(
    ({ items }) => judgeAnswers(items, namespace, now),
    // Without the kind there is no order: another check's.
    (error: unknown) => (notFound(error) ? undefined : unreadable(AGENT_CHECKS.answers)(error)),
  )

/** One check where there is no agent and no policy that needs one; `now` in ms since the epoch. */
export const lookAtAgents = async (
  client: Client,
  namespace: string,
  policies: readonly RemediationPolicy[],
  now: number,
): Promise<readonly Check[]> => {
  const { installed, check } = await lookAtDaemonSet(client, namespace, policies)
  if (installed === false) return [check]
  const [orders, answers] = await Promise.all([
    installed === true ? lookAtOrders(client) : undefined,
    lookAtAnswers(client, namespace, now),
  ])
  return [check, orders, answers].filter((one) => one !== undefined)
}
