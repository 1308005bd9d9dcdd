import { z } from 'zod'
import { CAUSES } from './causes.ts'
import { labelSelector } from './label-selector.ts'
import { duration, filled, fitting, setOf, text } from './schema.ts'

/**
 * First segment of a glob that can cover a normal form: a host (dot, port, localhost) or a wildcard. Visible ASCII only:
 * nothing else stands in a reference, and RE2 and JavaScript disagree on what `\s` is.
 */
const GLOB = '^([A-Za-z0-9_-]*[.*?]|[A-Za-z0-9_-]+:[0-9]+[/*?]|localhost[/:*?]|\\[)[!-~]*$'

/** Which failures a policy answers to. All that is stated must hold. */
export const match = z.strictObject({
  causes: filled(
    setOf(z.enum(CAUSES as [string, ...string[]]), { max: 64, what: 'Causes that this policy answers to.' }),
    'causes must name one cause at least, such as ProjectNotFound',
  ),
  images: filled(
    setOf(
      fitting({
        pattern: GLOB,
        max: 512,
        what: 'A glob such as registry.example.com/team/*.',
        message:
          'images must be globs on full references, registry first and without spaces: write docker.io/library/nginx:* for nginx:*',
      }).min(1),
      {
        max: 64,
        what: 'Globs on the full image reference in its normal form; * stands for any characters, / included, and ? for one. Without it, any image.',
      },
    ),
    'images is empty and would match nothing; leave it out to match any image',
  ).optional(),
  namespaces: filled(
    setOf(
      fitting({
        pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$',
        max: 63,
        what: 'Name of a namespace.',
        message:
          'namespaces must be names of namespaces, lower-case letters, digits and "-"; for globs use namespaceSelector',
      }).min(1),
      {
        max: 256,
        what: "Namespaces by name. Protected namespaces (kube-system, kube-public, kube-node-lease, the operator's own) match only when named here.",
      },
    ),
    'namespaces is empty and would match nothing; leave it out to match all but the protected ones',
  ).optional(),
  namespaceSelector: labelSelector('Namespaces by label.').optional(),
  podSelector: labelSelector('Pods by label.').optional(),
  nodeSelector: labelSelector('Nodes, by label, on which the pod failed.').optional(),
  message: z
    .strictObject({
      include: text(512, 'RE2 pattern that the failure message must match.').optional(),
      exclude: text(512, 'RE2 pattern that the failure message must not match.').optional(),
    })
    .optional()
    .describe('The failure message, by pattern.'),
  failingFor: duration(
    'failingFor',
    '0s',
    '24h',
    'How long a pod must have been failing before anything is done.',
  ).default('30s'),
})
