/** The registry itself is not to be asked for a while. */
import assert from 'node:assert/strict'
import { held, type Hold, imageOf, repaired } from '../held.ts'
import type { RegistryHost } from '../registries.ts'
import type { Scenario } from '../scenario.ts'

interface RegistryFault extends Pick<Hold, 'name' | 'title' | 'says'> {
  readonly host: RegistryHost
  readonly mode: 'down' | 'rate-limited'
  readonly cause: string
}

const fault = ({ host, mode, cause, ...hold }: RegistryFault): Scenario =>
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
    after: async (fixture, { spec, metadata }) => {
      assert.equal(spec.cause, cause)
      await fixture.registries.at[host].setMode('ok')
      const done = await repaired(fixture, Date.now(), 'the registry was back')
      assert.equal(done.metadata.uid, metadata.uid, 'one incident, one record')
      assert.equal(await imageOf(fixture), `${host}/public/web:1`)
    },
  })

export const scenarios: readonly Scenario[] = [
  fault({
    name: 'registry-down',
    title: 'the repair waits for a registry that is down, and follows once it is back',
    host: 'down.od.com',
    mode: 'down',
    cause: 'RegistryUnreachable',
    says: 'the registry cannot be reached',
  }),
  fault({
    name: 'rate-limited',
    title: 'the repair waits for a registry that limits requests, and follows once it accepts them',
    host: 'limited.od.com',
    mode: 'rate-limited',
    cause: 'RateLimited',
    says: 'the registry limits requests',
  }),
]
