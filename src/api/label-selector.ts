import { z } from 'zod'
import { listOf, raw, ruled, text } from './schema.ts'

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
