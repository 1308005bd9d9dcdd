import { z } from 'zod'
import { CAUSES } from '../../model/causes.ts'
import { duration, filled, fitting, listOf, raw, ruled, setOf, text } from '../schema.ts'

/** Syntax of label keys and values: kubernetes.io/docs/concepts/overview/working-with-objects/labels */
const PREFIX = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/'
const KEY = `^(${PREFIX})?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`
const VALUE = '^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$'
const [key, value] = [new RegExp(KEY), new RegExp(VALUE)]

const requirement = ruled(
  z.strictObject({
    key: ruled(text(316, 'Label key.'), {
      rule: `self.matches(${raw(KEY)})`,
      message: 'key must be a label key, such as app or example.com/tier',
      holds: (name) => key.test(name),
    }),
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('How the label is compared.'),
    values: ruled(
      listOf(text(63, 'A label value.'), { max: 64, what: 'Values for In and NotIn; none for the others.' }),
      {
        rule: `self.all(v, v.matches(${raw(VALUE)}))`,
        message:
          'values must be label values: letters, digits, "-", "_" and ".", beginning and ending with a letter or digit',
        holds: (values) => values.every((one) => value.test(one)),
      },
    ).optional(),
  }),
  {
    rule: "!(self.operator in ['In', 'NotIn']) || (has(self.values) && size(self.values) > 0)",
    message: 'values must be stated for operator In and NotIn; add one, or use Exists',
    holds: ({ operator, values }) => !['In', 'NotIn'].includes(operator) || (values ?? []).length > 0,
    at: 'values',
  },
  {
    rule: "!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values) || size(self.values) == 0",
    message: 'values must be left out for operator Exists and DoesNotExist; remove them, or use In',
    holds: ({ operator, values }) => !['Exists', 'DoesNotExist'].includes(operator) || (values ?? []).length === 0,
    at: 'values',
  },
)

/** A label selector as everywhere in Kubernetes; an empty one matches everything. */
export const labelSelector = (what: string) =>
  z
    .strictObject({
      matchLabels: ruled(
        z
          .record(z.string(), text(63, 'A label value.'))
          .describe('Labels that must have exactly these values.')
          .meta({ maxProperties: 32 }),
        {
          rule: `self.all(k, size(k) <= 317 && k.matches(${raw(KEY)}))`,
          message: 'matchLabels must have label keys, such as app or example.com/tier',
          holds: (labels) => Object.keys(labels).every((name) => name.length <= 317 && key.test(name)),
        },
        {
          rule: `self.all(k, self[k].matches(${raw(VALUE)}))`,
          message:
            'matchLabels must have label values: letters, digits, "-", "_" and ".", beginning and ending with a letter or digit',
          holds: (labels) => Object.values(labels).every((one) => value.test(one)),
        },
      ).optional(),
      matchExpressions: listOf(requirement, { max: 32, what: 'Requirements that must all hold.' }).optional(),
    })
    .describe(what)
    .meta({ 'x-kubernetes-map-type': 'atomic' })

/**
 * First segment of a glob that can cover a normal form: a host (dot, port, localhost) or a wildcard. Visible ASCII only:
 * nothing else stands in a reference, and RE2 and JavaScript disagree on what `\s` is.
 */
const GLOB = '^([A-Za-z0-9_-]*[.*?]|[A-Za-z0-9_-]+:[0-9]+[/*?]|localhost[/:*?]|\\[)[!-~]*$'

/** Which failures a policy matches. All given clauses must match. */
export const match = z.strictObject({
  causes: filled(
    setOf(z.enum(CAUSES as [string, ...string[]]), { max: 64, what: 'Causes that this policy matches.' }),
    'causes must contain at least one cause, such as ProjectNotFound',
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
        what: 'Globs on the full image reference in its normal form; * matches any characters including /, ? matches one. Omit to match any image.',
      },
    ),
    'images is empty and would match nothing; omit it to match any image',
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
    'namespaces is empty and would match nothing; omit it to match all but the protected namespaces',
  ).optional(),
  namespaceSelector: labelSelector('Label selector for namespaces.').optional(),
  podSelector: labelSelector('Label selector for pods.').optional(),
  nodeSelector: labelSelector('Labels of the node on which the pod failed.').optional(),
  message: z
    .strictObject({
      include: text(512, 'RE2 pattern that the failure message must match.').optional(),
      exclude: text(512, 'RE2 pattern that the failure message must not match.').optional(),
    })
    .optional()
    .describe('The failure message, by pattern.'),
  failingFor: duration('failingFor', '0s', '24h', 'How long a pod must have been failing before podmend acts.').default(
    '30s',
  ),
})
