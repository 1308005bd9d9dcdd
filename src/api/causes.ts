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

/** What part of starting a pod failed. An incident is one area of one owner. */
export type Area = keyof typeof CAUSES_BY_AREA

export type Cause = (typeof CAUSES_BY_AREA)[Area][number] | 'Unknown'

/** Every cause, in the order of the table; `Unknown` last. */
export const CAUSES: readonly Cause[] = [...Object.values(CAUSES_BY_AREA).flat(), 'Unknown']

const AREAS = new Map<Cause, Area>(
  Object.entries(CAUSES_BY_AREA).flatMap(([area, causes]) => causes.map((cause) => [cause, area as Area] as const)),
)

/** The area of a cause; undefined for `Unknown`. */
export const areaOf = (cause: Cause): Area | undefined => AREAS.get(cause)
