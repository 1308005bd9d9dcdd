/** InstallMountHelper: a short-lived pod on the node, which has the host's systemd run the package manager. */
import { alreadyExists } from '../../kube/errors.ts'
import { pathOf } from '../../kube/paths.ts'
import type { Pod } from '../../model/kubernetes.ts'
import { INSTALL_LABEL } from '../../model/names.ts'
import type { Outcome } from '../../model/plan.ts'
import type { RbacGrant } from '../../model/rbac.ts'
import { takeNodeLease } from '../node-lease.ts'
import { currentNode } from '../node/current.ts'
import { type ActDeps, type AgentImage, refusalOf } from '../writes.ts'
import type { InstallMountHelperPlan } from './plan.ts'

export const RBAC: RbacGrant = {
  action: 'InstallMountHelper',
  namespaced: true,
  rules: [
    {
      apiGroups: [''],
      resources: ['pods'],
      verbs: ['create', 'get', 'delete'],
      why: 'to run the pod that installs a mount helper on a node',
    },
    {
      apiGroups: [''],
      resources: ['pods'],
      verbs: ['delete'],
      why: 'to delete pods that have installed a mount helper',
    },
  ],
}

/** Path in the pod, and the default on hosts. */
const BUS = '/run/dbus/system_bus_socket'
/** Where the agent checks for the helper. */
const OS_RELEASE = '/host/os-release'
/** Allows for pulling its image in addition to the installation. */
const MIN_SECONDS = 120

/**
 * Builds the pod. Pure. It runs as root, because systemd accepts requests only from root, and has no other privilege: no
 * capability, no host namespace, no API token. It can do what the host's systemd does for root on the system bus.
 */
export const installerPod = (plan: InstallMountHelperPlan, namespace: string, image: AgentImage) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: plan.podName,
    namespace,
    // A pod cannot name a node by its uid. If the node is recreated, the garbage collector deletes the pod instead of
    // leaving it to the new one.
    ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: plan.target.name, uid: plan.target.uid }],
    labels: {
      'app.kubernetes.io/name': 'podmend',
      'app.kubernetes.io/component': 'install-mount-helper',
      [INSTALL_LABEL]: 'true',
    },
  },
  spec: {
    nodeName: plan.target.name,
    restartPolicy: 'Never',
    activeDeadlineSeconds: Math.max(MIN_SECONDS, Math.ceil(plan.timeoutMs / 1_000)),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    tolerations: [{ operator: 'Exists' }],
    ...(image.pullSecrets?.length && { imagePullSecrets: image.pullSecrets.map((name) => ({ name })) }),
    securityContext: {
      runAsUser: 0,
      runAsGroup: 0,
      seccompProfile: { type: 'RuntimeDefault' },
      ...(image.appArmorProfile && { appArmorProfile: image.appArmorProfile }),
      ...(image.seLinuxOptions && { seLinuxOptions: image.seLinuxOptions }),
    },
    containers: [
      {
        name: 'install',
        image: image.name,
        ...(image.pullPolicy && { imagePullPolicy: image.pullPolicy }),
        args: ['install-mount-helper', '--type', plan.fsType, '--system-bus', BUS, '--os-release', OS_RELEASE],
        terminationMessagePolicy: 'FallbackToLogsOnError',
        securityContext: {
          privileged: false,
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: { requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '128Mi' } },
        volumeMounts: [
          { name: 'system-bus', mountPath: BUS },
          { name: 'os-release', mountPath: OS_RELEASE, readOnly: true },
        ],
      },
    ],
    volumes: [
      { name: 'system-bus', hostPath: { path: image.systemBus ?? BUS, type: 'Socket' } },
      { name: 'os-release', hostPath: { path: '/etc/os-release', type: 'File' } },
    ],
  },
})

/** Whether an existing pod of that name is the one of this plan. */
const isOurs = ({ metadata, spec }: Pod, { target, fsType }: InstallMountHelperPlan): boolean => {
  const [container] = (spec?.containers ?? []) as readonly { readonly args?: readonly string[] }[]
  return (
    metadata.labels?.[INSTALL_LABEL] === 'true' &&
    spec?.nodeName === target.name &&
    metadata.ownerReferences?.some(({ uid }) => uid === target.uid) === true &&
    container?.args?.includes(fsType) === true
  )
}

/** Takes the lease of the node, if remediators share leases, and creates the pod. Throws if the outcome is unknown. */
export const act = async (plan: InstallMountHelperPlan, deps: ActDeps): Promise<Outcome> => {
  const current = await currentNode(plan.target, deps)
  return 'stale' in current ? current.stale : ((await takeNodeLease(plan, deps)) ?? createInstaller(plan, deps))
}

/** Creates the pod once: its name derives from the plan. */
const createInstaller = async (plan: InstallMountHelperPlan, deps: ActDeps): Promise<Outcome> => {
  const { kube, clock, namespace, agentImage } = deps
  if (namespace === undefined || agentImage === undefined) {
    return {
      kind: 'Refused',
      why: 'no image of the node agent is configured (--agent-image)',
    }
  }
  const { podName: name } = plan
  try {
    const { metadata } = await kube.create<Pod>(
      pathOf({ kind: 'Pod', namespace }),
      installerPod(plan, namespace, agentImage),
    )
    const ref = { kind: 'Pod', namespace, name, uid: metadata.uid }
    return { kind: 'Done', at: clock.now(), wrote: [{ verb: 'created', ref }], left: [] }
  } catch (error) {
    if (alreadyExists(error)) {
      const there = await kube.get<Pod>(pathOf({ kind: 'Pod', namespace, name }))
      if (isOurs(there, plan)) return { kind: 'AlreadyDone' }
      return { kind: 'Refused', why: `another pod has the name ${name}: delete pod ${namespace}/${name}` }
    }
    const refused = refusalOf(error)
    if (refused) return refused
    throw error
  }
}
