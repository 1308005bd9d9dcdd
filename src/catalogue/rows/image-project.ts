import type { Row } from '../row.ts'

/** Registries that report a missing project; messages about missing rights may surround it, so these come first. */
export const IMAGE_PROJECT_ROWS: readonly Row[] = [
  {
    id: 'harbor-project-not-found',
    cause: 'ProjectNotFound',
    all: ['project not found, name:'],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "harbor.od.com/k8s/coredns:1.6.1": rpc error: code = Unknown desc = Error response from daemon: unauthorized: project not found, name: k8s: project not found, name: k8s',
    },
    source: 'goharbor/harbor src/server/middleware/v2auth/auth.go',
    explain:
      'Harbor has no project with that name: it was renamed, moved or never created. Credentials do not help. Point the image at the project that has it.',
  },
  {
    id: 'harbor-named-project-not-found',
    cause: 'ProjectNotFound',
    during: ['pull'],
    all: [
      'project ',
      {
        re: '(not[_ ]found|unknown|unauthorized|denied|name unknown): "?project "?[a-z0-9][a-z0-9._-]*"? (not found|does not exist)',
      },
    ],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "harbor.example.com/web/app:1.2": rpc error: code = Unknown desc = Error response from daemon: unknown: project web not found',
    },
    source: 'goharbor/harbor src/controller/project/controller.go, src/lib/errors',
    explain:
      'Harbor has no project with that name: it was renamed, moved or never created. Point the image at the project that has it.',
  },
  {
    id: 'google-project-not-found',
    cause: 'ProjectNotFound',
    all: [
      {
        re: 'project \'?"?(project:)?[a-z0-9:._#-]+\'?"? (not found or deleted|has been deleted|was not found or deleted)',
      },
    ],
    any: ['not found or deleted', 'has been deleted'],
    sample: {
      reason: 'Failed',
      message:
        'Failed to pull image "gcr.io/web/app:1.2": rpc error: code = Unknown desc = Error response from daemon: Head https://gcr.io/v2/web/app/manifests/1.2: unknown: Project \'project:web\' not found or deleted.',
    },
    source: 'https://cloud.google.com/container-registry/docs/troubleshooting',
    explain:
      'Google Cloud has no project with that name, or it was deleted. Point the image at the project that has it.',
  },
]
