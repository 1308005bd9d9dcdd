/** The tools that manage workloads, and the marks by which they are recognised. */
import type { KeptBy } from '../../model/incident.ts'
import type { ObjectMeta } from '../../model/kubernetes.ts'

/** An object as far as its managers show on it. */
export interface Managed {
  readonly kind: string
  readonly metadata: Partial<ObjectMeta>
}

export interface Trace {
  readonly seenBy: string
  readonly editAt: string
  /** What the object itself states, instead of the row's value. */
  readonly writesBack?: boolean
  readonly keptBy?: KeptBy | undefined
}

interface ManagerRow {
  readonly name: string
  readonly writesBack: boolean
  readonly find: (marks: Marks) => Trace | undefined
}

/** Labels, annotations and field managers of one object, as the rows query them. */
export interface Marks extends Managed {
  readonly label: (key: string) => string | undefined
  readonly annotation: (key: string) => string | undefined
  /** The first field manager (status aside) that passes. */
  readonly fieldManager: (test: RegExp) => string | undefined
}

export const qualified = (namespace: string | undefined, name: string | undefined): string =>
  namespace ? `${namespace}/${name ?? ''}` : (name ?? '')

const kept = (kind: KeptBy['kind'], namespace: string | undefined, name: string | undefined): KeptBy | undefined =>
  name ? { kind, name, ...(namespace && { namespace }) } : undefined

/** `namespace/name`, or a name alone. */
const splitAt = (text: string): readonly [namespace: string | undefined, name: string] => {
  const slash = text.indexOf('/')
  return slash < 0 ? [undefined, text] : [text.slice(0, slash), text.slice(slash + 1)]
}

/** `app:group/Kind:namespace/name`; an operator copies its own annotations to its children, so the rest must fit too. */
const argoApplication = ({ kind, metadata, annotation }: Marks): string | undefined => {
  const match = /^(?<app>[^:]+):[^:/]*\/(?<kind>[^:/]+):[^/]*\/(?<name>.+)$/.exec(
    annotation('argocd.argoproj.io/tracking-id') ?? '',
  )?.groups
  if (!match || match['kind'] !== kind || match['name'] !== metadata.name) return undefined
  // Applications outside Argo CD's own namespace are written `namespace_name`.
  return match['app']?.replace('_', '/')
}

/**
 * Tools that write workloads, by the marks they leave. Tools that revert changes come before those that do not: the first
 * one names the place of the permanent fix.
 */
export const MANAGER_ROWS: readonly ManagerRow[] = [
  {
    // argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking
    name: 'Argo CD',
    writesBack: true,
    find: (marks) => {
      const app = argoApplication(marks)
      if (app !== undefined) {
        return {
          seenBy: 'annotation argocd.argoproj.io/tracking-id',
          editAt: `Argo CD Application ${app}`,
          keptBy: kept('Application', ...splitAt(app)),
        }
      }
      const own = marks.label('argocd.argoproj.io/instance')
      if (own) {
        return {
          seenBy: 'label argocd.argoproj.io/instance',
          editAt: `Argo CD Application ${own}`,
          keptBy: kept('Application', undefined, own),
        }
      }
      // The default label of Argo CD before 3.0 is every chart's label as well: it counts only together with Argo CD's field manager.
      const manager = marks.fieldManager(/^argocd-(application-)?controller$/)
      if (manager === undefined) return undefined
      const instance = marks.label('app.kubernetes.io/instance')
      return {
        seenBy: `field manager ${manager}`,
        editAt: `Argo CD Application ${instance ?? '(see its field manager)'}`,
      }
    },
  },
  {
    // fluxcd.io/flux/components/kustomize/kustomizations: labels of every object; reconcile: disabled leaves one alone
    name: 'Flux',
    writesBack: true,
    find: ({ label, annotation, fieldManager }) => {
      const name = label('kustomize.toolkit.fluxcd.io/name')
      const manager = fieldManager(/^kustomize-controller$/)
      if (!name && manager === undefined) return undefined
      const off = annotation('kustomize.toolkit.fluxcd.io/reconcile') === 'disabled'
      return {
        seenBy: name ? 'label kustomize.toolkit.fluxcd.io/name' : 'field manager kustomize-controller',
        editAt: `Flux Kustomization ${name ? qualified(label('kustomize.toolkit.fluxcd.io/namespace'), name) : '(see its field manager)'}`,
        keptBy: kept('Kustomization', label('kustomize.toolkit.fluxcd.io/namespace'), name),
        ...(off && { writesBack: false }),
      }
    },
  },
  {
    // fluxcd.io/flux/components/helm/helmreleases: origin labels; drift detection may be switched off for one object
    name: 'Flux',
    writesBack: true,
    find: ({ label, annotation, fieldManager }) => {
      const name = label('helm.toolkit.fluxcd.io/name')
      const manager = fieldManager(/^helm-controller$/)
      if (!name && manager === undefined) return undefined
      const off = annotation('helm.toolkit.fluxcd.io/driftDetection') === 'disabled'
      return {
        seenBy: name ? 'label helm.toolkit.fluxcd.io/name' : 'field manager helm-controller',
        editAt: `Flux HelmRelease ${name ? qualified(label('helm.toolkit.fluxcd.io/namespace'), name) : '(see its field manager)'}`,
        keptBy: kept('HelmRelease', label('helm.toolkit.fluxcd.io/namespace'), name),
        ...(off && { writesBack: false }),
      }
    },
  },
  {
    // cloud.google.com/kubernetes-engine/config-sync/docs/reference/labels-and-annotations
    name: 'Config Sync',
    writesBack: true,
    find: ({ label, annotation }) => {
      const by =
        annotation('configmanagement.gke.io/managed') === 'enabled'
          ? 'annotation configmanagement.gke.io/managed'
          : label('app.kubernetes.io/managed-by') === 'configmanagement.gke.io'
            ? 'label app.kubernetes.io/managed-by'
            : undefined
      if (by === undefined) return undefined
      const path = annotation('configmanagement.gke.io/source-path')
      return {
        seenBy: by,
        editAt: path ? `${path} in the repository that Config Sync reads` : 'the repository that Config Sync reads',
      }
    },
  },
  {
    // projectsveltos/libsveltos, api/v1beta1: owner and reference marks of what a ClusterProfile deployed
    name: 'Sveltos',
    writesBack: true,
    find: ({ label, annotation }) => {
      const mark = (key: string) => annotation(`projectsveltos.io/${key}`) ?? label(`projectsveltos.io/${key}`)
      const from = mark('reference-kind')
      if (!from && !mark('owner-kind')) return undefined
      const owner = mark('owner-kind') && `Sveltos ${mark('owner-kind')} ${mark('owner-name') ?? ''}`
      const source = `${from ?? ''} ${qualified(mark('reference-namespace'), mark('reference-name'))}`
      return {
        seenBy: `mark projectsveltos.io/${from ? 'reference' : 'owner'}-kind`,
        editAt: owner || `Sveltos, ${source}`,
      }
    },
  },
  {
    // rancher/wrangler, pkg/apply: used by Rancher, Fleet and the add-ons and Helm charts of k3s and RKE2
    name: 'Rancher',
    writesBack: true,
    find: ({ label, annotation }) => {
      const id = annotation('objectset.rio.cattle.io/id')
      if (id === undefined && label('objectset.rio.cattle.io/hash') === undefined) return undefined
      const kind = /Kind=(\w+)/.exec(annotation('objectset.rio.cattle.io/owner-gvk') ?? '')?.[1]
      const owner = qualified(
        annotation('objectset.rio.cattle.io/owner-namespace'),
        annotation('objectset.rio.cattle.io/owner-name'),
      )
      return {
        seenBy: id === undefined ? 'label objectset.rio.cattle.io/hash' : 'annotation objectset.rio.cattle.io/id',
        editAt: kind ? `${kind} ${owner}` : `Fleet bundle or Rancher object set ${id ?? ''}`.trim(),
      }
    },
  },
  {
    // olm.operatorframework.io: operator-lifecycle-manager, pkg/lib/ownerutil (OLM classic); operator-controller (OLM v1)
    name: 'Operator Lifecycle Manager',
    writesBack: true,
    find: ({ label }) => {
      const classic = label('olm.owner.kind') === 'ClusterServiceVersion' ? label('olm.owner') : undefined
      if (classic) {
        return {
          seenBy: 'label olm.owner',
          editAt: `ClusterServiceVersion ${qualified(label('olm.owner.namespace'), classic)}`,
        }
      }
      const extension = label('olm.operatorframework.io/owner-name')
      return extension
        ? {
            seenBy: 'label olm.operatorframework.io/owner-name',
            editAt: `${label('olm.operatorframework.io/owner-kind') ?? 'ClusterExtension'} ${extension}`,
          }
        : undefined
    },
  },
  {
    // github.com/openshift/cluster-version-operator, docs/user/reconciliation.md
    name: 'OpenShift cluster version operator',
    writesBack: true,
    find: ({ metadata }) => {
      const key = Object.keys(metadata.annotations ?? {}).find((name) =>
        name.startsWith('include.release.openshift.io/'),
      )
      return key === undefined
        ? undefined
        : { seenBy: `annotation ${key}`, editAt: 'the release image of the ClusterVersion' }
    },
  },
  {
    // kubernetes/kubernetes, cluster/addons/addon-manager/README.md: Reconcile writes back, EnsureExists does not
    name: 'addon manager',
    writesBack: true,
    find: ({ label }) =>
      label('addonmanager.kubernetes.io/mode') === 'Reconcile'
        ? { seenBy: 'label addonmanager.kubernetes.io/mode', editAt: "the add-on's manifest on the control plane" }
        : undefined,
  },
  {
    // carvel.dev/kapp/docs: label of every resource; whether kapp-controller or a person runs kapp does not show
    name: 'kapp',
    writesBack: true,
    find: ({ label }) =>
      label('kapp.k14s.io/app') === undefined
        ? undefined
        : { seenBy: 'label kapp.k14s.io/app', editAt: `kapp application ${label('kapp.k14s.io/app') ?? ''}` },
  },
  {
    // docs.aws.amazon.com/eks, "fields you can customize for Amazon EKS add-ons": field manager `eks`
    name: 'Amazon EKS add-on',
    writesBack: true,
    find: ({ fieldManager }) =>
      fieldManager(/^eks$/) === undefined
        ? undefined
        : { seenBy: 'field manager eks', editAt: 'the configuration of the EKS add-on' },
  },
  {
    // helm.sh/docs/chart_best_practices/labels and helm's pkg/action/validate.go
    name: 'Helm',
    writesBack: false,
    find: ({ label, annotation, metadata }) => {
      const release = annotation('meta.helm.sh/release-name')
      if (!release || label('app.kubernetes.io/managed-by') !== 'Helm') return undefined
      const namespace = annotation('meta.helm.sh/release-namespace') ?? metadata.namespace
      return {
        seenBy: 'annotation meta.helm.sh/release-name',
        editAt: `Helm release ${qualified(namespace, release)}`,
        keptBy: kept('Release', namespace, release),
      }
    },
  },
  {
    // KEP-3659: members of an ApplySet are written when the set is applied
    name: 'kubectl apply --applyset',
    writesBack: false,
    find: ({ label }) => {
      const set = label('applyset.kubernetes.io/part-of')
      return set
        ? { seenBy: 'label applyset.kubernetes.io/part-of', editAt: `the manifests of ApplySet ${set}` }
        : undefined
    },
  },
  {
    // registry.terraform.io/providers/hashicorp/kubernetes: default field manager
    name: 'Terraform',
    writesBack: false,
    find: ({ fieldManager }) =>
      fieldManager(/^Terraform$/i) === undefined
        ? undefined
        : { seenBy: 'field manager Terraform', editAt: 'the Terraform configuration' },
  },
]
