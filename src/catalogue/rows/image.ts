import type { Row } from '../row.ts'

export const IMAGE_ROWS: readonly Row[] = [
  {
    id: 'harbor-project-not-found',
    cause: 'ProjectNotFound',
    all: ['project not found, name:'],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "harbor.od.com/k8s/coredns:1.6.1": rpc error: code = Unknown desc = Error response from daemon: unauthorized: project not found, name: k8s: project not found, name: k8s',
    },
    source: 'goharbor/harbor src/core/middlewares/v2auth',
    explain: 'Harbor has no project of that name.',
  },
]
