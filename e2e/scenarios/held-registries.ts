/** The registry itself is not to be asked for a while. */
import assert from 'node:assert/strict'
import { type Hold, held, imageOf, repaired } from '../left-alone.ts'
import type { RegistryHost } from '../registries.ts'
import type { Scenario } from '../scenario.ts'

interface Trouble extends Pick<Hold, 'name' | 'title' | 'says'> {
  readonly host: RegistryHost
  readonly mode: 'down' | 'rate-limited'
  readonly cause: string
}

const trouble = ({ host, mode, cause, ...hold }: Trouble): Scenario =>
  held({
    ...hold,
    reason: 'TargetUnverified',
    parts: { image: `${host}/k8s/web:1` },
    before: async ({ registries, onEnd }) => {
      onEnd(() => registries.at[host].setMode('ok'))
      await registries.at[host].setMode(mode)
    },
    policy: (namespace) => ({
      match: { causes: [cause, 'ProjectNotFound', 'Unauthorized'], namespaces: [namespace], failingFor: '0s' },
      actions: [{ type: 'RewriteImage', rewriteImage: { rules: [{ from: `${host}/k8s/`, to: `${host}/public/` }] } }],
    }),
    after: async (stage, { spec, metadata }) => {
      assert.equal(spec.cause, cause)
      await stage.registries.at[host].setMode('ok')
      const done = await repaired(stage, Date.now(), 'the registry was back')
      assert.equal(done.metadata.uid, metadata.uid, 'one incident, one record')
      assert.equal(await imageOf(stage), `${host}/public/web:1`)
    },
  })

export const scenarios: readonly Scenario[] = [
  trouble({
    name: 'registry-down',
    title: 'a registry that is down is waited for, and the repair follows when it is back',
    host: 'down.od.com',
    mode: 'down',
    cause: 'RegistryUnreachable',
    says: 'the registry cannot be reached',
  }),
  trouble({
    name: 'rate-limited',
    title: 'a registry that limits requests is waited for, and the repair follows',
    host: 'limited.od.com',
    mode: 'rate-limited',
    cause: 'RateLimited',
    says: 'the registry limits requests',
  }),
]
