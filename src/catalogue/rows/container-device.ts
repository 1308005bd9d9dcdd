import type { Row } from '../row.ts'

/** Devices; their hooks fail in words of cgroups and mounts, so they come before these. */
export const DEVICE_ROWS: readonly Row[] = [
  {
    id: 'device-unavailable',
    cause: 'DevicePlugin',
    any: [
      'nvidia-container-cli',
      'nvidia-container-runtime-hook',
      'allocate failed due to',
      'unexpectedadmissionerror',
      'device plugin',
      'could not select device driver',
      'cdi devices',
      'cdi device',
      'no healthy devices present',
      'devices unavailable for',
      'initialization error: nvml',
      'unknown device id',
    ],
    sample: {
      reason: 'UnexpectedAdmissionError',
      message:
        'Allocate failed due to requested number of devices unavailable for nvidia.com/gpu. Requested: 1, Available: 0, which is unexpected',
    },
    source: 'kubernetes/kubernetes pkg/kubelet/cm/devicemanager/manager.go; NVIDIA/libnvidia-container',
    explain:
      "The device that the pod requests cannot be allocated: its device plugin is not running, the driver on the node does not match, or the device has failed. Check the plugin's pod and, for GPUs, `nvidia-smi` on the node.",
  },
]
