/** The operator lacks rights: it names the missing one and continues with the rest. */
import assert from 'node:assert/strict'
import type { Remediation } from '../../src/api/kinds.ts'
import { allReady, writesOf } from '../disturb.ts'
import { deployment } from '../objects.ts'
import { OLD } from '../registries.ts'
import type { Fixture, Scenario } from '../scenario.ts'

const RECYCLE = [{ type: 'RecyclePod', timeout: '10s', recyclePod: {} }]

interface Lacking {
  readonly name: string
  readonly title: string
  /** Values of the chart. */
  readonly values: object
  /** The policy of the scenario's own namespace, which needs the right. */
  readonly policy: object
  /** All of these are in the record's message. */
  readonly lacks: (namespace: string) => readonly string[]
  /** The write that it still makes in the other namespace. */
  readonly others: object
  readonly does: string
}

const says = async ({ eventually, records }: Fixture, texts: readonly string[]): Promise<Remediation> =>
  eventually(async () => {
    const [record] = await records()
    const { message = '' } = record?.status ?? {}
    assert.ok(record, 'no record yet')
    for (const text of texts) assert.ok(message.includes(text), `expected "${text}", found: ${message}`)
    return record
  })

const lacking = ({ name, title, values, policy, lacks, others, does }: Lacking): Scenario => ({
  name: `rights-${name}`,
  title,
  alone: true,
  timeoutMs: 240_000,
  run: async (fixture) => {
    const { namespace, operator, kubectl, apply, eventually, note, onEnd, workload } = fixture
    const other = `${namespace}-other`
    onEnd(async () => {
      await operator.install()
      await kubectl(['delete', 'rempol', other, '--ignore-not-found'])
      await kubectl(['delete', 'namespace', other, '--wait=false', '--ignore-not-found'])
    })
    await operator.install(values)
    await allReady(fixture)
    await kubectl(['create', 'namespace', other])
    await fixture.policy(policy)
    await fixture.policy(others, { name: other, namespace: other })
    await apply(deployment(namespace))
    await apply(deployment(other))
    const record = await says(fixture, lacks(namespace))
    note(`says: ${record.status?.message}`)
    const elsewhere = { ...fixture, namespace: other }
    await eventually(() =>
      assert.ok(
        writesOf(elsewhere).some((write) => write.startsWith(does)),
        `no ${does}`,
      ),
    )
    assert.deepEqual(writesOf(fixture), [])
    const { spec } = await workload('Deployment')
    assert.equal(spec?.template?.spec?.containers?.[0]?.image, `${OLD}/web:1`)
  },
})

const rewrite = lacking({
  name: 'rewrite-image',
  title: 'without the role for RewriteImage it names the missing right, and recycles pods elsewhere',
  values: { actions: { rewriteImage: { enabled: false } } },
  policy: {},
  lacks: (namespace) => [`patch deployments.apps in namespace ${namespace}`],
  others: { actions: RECYCLE },
  does: 'delete pods',
})

const recycle = lacking({
  name: 'recycle-pod',
  title:
    'with RecyclePod disabled it says so, although the role for RewriteImage can delete pods, and rewrites elsewhere',
  values: { actions: { recyclePod: { enabled: false } } },
  policy: { actions: RECYCLE },
  lacks: () => ['RecyclePod', '--disable-action'],
  others: {},
  does: 'patch deployments.apps',
})

export const scenarios: readonly Scenario[] = [rewrite, recycle]
