/** Causes by area: the product's public vocabulary. Policies select on them, metrics are labelled with them. */
export const CAUSES_BY_AREA = {
  image: [
    'ProjectNotFound',
    'RepositoryNotFoundOrDenied',
    'ManifestNotFound',
    'Unauthorized',
    'Forbidden',
    'RateLimited',
    'RegistryDNSFailure',
    'RegistryUnreachable',
    'RegistryServerError',
    'TLSUntrusted',
    'TLSHTTPMismatch',
    'InvalidImageName',
    'ShortNameUnresolved',
    'PlatformMismatch',
    'UnsupportedFormat',
    'DiskFull',
    'CorruptLayer',
    'PullNever',
    'PullThrottled',
    'SignatureRejected',
    'BackOffOnly',
  ],
  sandbox: [
    'IptablesChainMissing',
    'CNINotInitialized',
    'CNIPluginMissing',
    'CNIPluginDown',
    'IPExhausted',
    'SandboxNameConflict',
    'SandboxImagePull',
    'SandboxStale',
    'CgroupError',
    'RuntimeUnresponsive',
    'RuntimeHandlerMissing',
    'PortConflict',
    'ResourceExhausted',
    'SecurityProfile',
  ],
  volume: [
    'MountHelperMissing',
    'FilesystemCorrupt',
    'NFSAccessDenied',
    'NFSUnreachable',
    'NFSStatdDown',
    'NFSPathMissing',
    'NFSStaleHandle',
    'NFSVersionUnsupported',
    'MultiAttach',
    'AttachFailed',
    'CSIDriverMissing',
    'CSIDriverError',
    'MountTimeout',
    'ReferencedObjectMissing',
    'ReferencedKeyMissing',
    'HostPathTypeMismatch',
    'SubPathError',
    'VolumeNotFound',
    'DeviceBusy',
  ],
  container: [
    'RunAsRootDenied',
    'ExecNotFound',
    'ExecPermission',
    'ExecFormat',
    'OOMKilled',
    'CrashLoop',
    'InvalidMountInContainer',
    'DevicePlugin',
    'PostStartHook',
  ],
} as const

/** The part of pod startup that failed. An incident is one area of one owner. */
export type Area = keyof typeof CAUSES_BY_AREA

export type Cause = (typeof CAUSES_BY_AREA)[Area][number] | 'Unknown'

/**
 * Causes that are ruled out if the registry has the image for the node's platform. The others (a missing mirror, a corrupt
 * layer) are possible even if the image exists.
 */
export const REFUTED_BY_REGISTRY: ReadonlySet<Cause> = new Set<Cause>([
  'ProjectNotFound',
  'RepositoryNotFoundOrDenied',
  'ManifestNotFound',
  'Unauthorized',
  'Forbidden',
  'PlatformMismatch',
  'BackOffOnly',
  'Unknown',
])

/**
 * Causes of a node: one incident per node and cause, however many pods report it. The repair is on the node, so the node
 * is the incident's target.
 */
export const NODE_CAUSES = [
  'IptablesChainMissing',
  'RuntimeUnresponsive',
  'SandboxStale',
  'SandboxNameConflict',
  'MountHelperMissing',
] as const satisfies readonly Cause[]

export type NodeCause = (typeof NODE_CAUSES)[number]

/** The scope of one incident: an area of a workload's startup, or one cause of a node. */
export type IncidentArea = Area | NodeCause

/** Every cause, in the order of the table; `Unknown` last. */
export const CAUSES: readonly Cause[] = [...Object.values(CAUSES_BY_AREA).flat(), 'Unknown']

const AREAS = new Map<Cause, Area>(
  Object.entries(CAUSES_BY_AREA).flatMap(([area, causes]) => causes.map((cause) => [cause, area as Area] as const)),
)

/** The area of a cause; undefined for `Unknown`. */
export const areaOf = (cause: Cause): Area | undefined => AREAS.get(cause)

const OF_NODE: ReadonlySet<string> = new Set(NODE_CAUSES)

/** Whether a cause, or the area of an incident, concerns a node. */
export const isNodeCause = (name: string): name is NodeCause => OF_NODE.has(name)

/** The incident area of a cause; undefined for `Unknown`. */
export const incidentAreaOf = (cause: Cause): IncidentArea | undefined => (isNodeCause(cause) ? cause : areaOf(cause))

/** The area a finding belongs to: that of its cause; where the cause is unknown, what was being done when it failed. */
export const areaOfFinding = ({
  cause,
  image,
  container,
}: {
  readonly cause: Cause
  readonly image: string
  readonly container: string
}): IncidentArea | undefined =>
  incidentAreaOf(cause) ?? (image !== '' ? 'image' : container !== '' ? 'container' : undefined)

/**
 * What a registry's answer may turn a cause into. Registries word a missing project, a missing repository and missing
 * rights alike, on purpose; a back-off hides the error altogether. Causes that are not listed are conclusive.
 */
const CAUSES_BEHIND: Partial<Record<Cause, readonly Cause[]>> = {
  Unauthorized: ['ProjectNotFound', 'RepositoryNotFoundOrDenied', 'ManifestNotFound'],
  Forbidden: ['ProjectNotFound', 'RepositoryNotFoundOrDenied', 'ManifestNotFound', 'Unauthorized'],
  RepositoryNotFoundOrDenied: ['ProjectNotFound', 'Unauthorized', 'ManifestNotFound'],
  ManifestNotFound: ['ProjectNotFound', 'RepositoryNotFoundOrDenied', 'PlatformMismatch', 'Unauthorized'],
  ProjectNotFound: ['RepositoryNotFoundOrDenied', 'ManifestNotFound', 'Unauthorized'],
  BackOffOnly: [
    'ProjectNotFound',
    'RepositoryNotFoundOrDenied',
    'ManifestNotFound',
    'Unauthorized',
    'Forbidden',
    'RateLimited',
    'RegistryDNSFailure',
    'RegistryUnreachable',
    'RegistryServerError',
    'TLSUntrusted',
    'TLSHTTPMismatch',
    'PlatformMismatch',
  ],
}

/** Causes that a registry's answer may replace this one with; empty where the message is conclusive. */
export const possibleCausesOf = (cause: Cause): readonly Cause[] => CAUSES_BEHIND[cause] ?? []

/** What may be behind a back-off, whatever an Event reports about it. */
export const possibleCausesBehindBackOff = (cause: Cause): readonly Cause[] =>
  [...new Set([...possibleCausesOf(cause), ...possibleCausesOf('BackOffOnly')])].filter((other) => other !== cause)
