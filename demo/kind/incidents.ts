/** The incidents of the demo, each with what a person does and sees. */
import { loseChain } from '../../e2e/docker-chain.ts'
import { installByHand, nfsPod, withoutHelper } from '../../e2e/mount-helper.ts'
import {
  DOCKER,
  forgetting,
  invocations,
  nodeNamed,
  nodePolicy,
  nodeRecord,
  podsOn,
  restartedOnly,
  RUNS,
} from '../../e2e/nodes.ts'
import { daemonSet, deployment } from '../../e2e/objects.ts'
import { NEW, OLD } from '../../e2e/registries.ts'
import type { Fixture } from '../../e2e/scenario.ts'
import { breakSite, MEANT, MISTYPED, policyThat } from '../../e2e/typo.ts'
import { FLAG_PREFIX } from '../../src/model/names.ts'
import type { Entry } from '../timeline.ts'

/** Reports what a person does or sees. */
export type Report = (entry: Entry) => void

export interface DemoIncident {
  /** The last part of its namespace's name. */
  readonly name: string
  readonly title: string
  /** Returns the outcome as a sentence. Throws if the incident did not end as expected. */
  runSteps(fixture: Fixture, report: Report): Promise<string>
}

const you = (report: Report, text: string): void => report({ who: 'you', what: 'You', text })
const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`

const image: DemoIncident = {
  name: 'demo-a',
  title: `A: a registry's project was renamed, ${OLD} is now ${NEW}`,
  runSteps: async (fixture, report) => {
    you(report, `enable a policy that rewrites images from ${OLD} to ${NEW}`)
    await fixture.policy()
    you(report, `deploy web with image ${OLD}/web:1, which no longer exists`)
    const began = Date.now()
    await fixture.apply(deployment(fixture.namespace))
    await fixture.running(1, 'app=web')
    const took = seconds(began)
    await fixture.record({ phase: 'Succeeded' })
    return `the image was rewritten; the pod ran ${took} after the deployment`
  },
}

const chain: DemoIncident = {
  name: 'b-demo',
  title: "B: Docker's firewall chain is missing on one node",
  runSteps: async (fixture, report) => {
    const { cluster, namespace, apply, running, kubectl } = fixture
    const [node = ''] = cluster.workers
    await forgetting(fixture, node, 'IptablesChainMissing')
    await nodePolicy(fixture, ['IptablesChainMissing'], [{ type: 'RestartRuntime' }])
    await apply(daemonSet(namespace, { image: RUNS }))
    await running(2, 'app=web')
    const units = await invocations(fixture)
    you(report, `remove chain DOCKER on ${node} and delete the pod there; its DaemonSet creates another one`)
    const began = Date.now()
    await loseChain(fixture, node)
    for (const { metadata } of await podsOn(fixture, node))
      await kubectl(['delete', 'pod', metadata.name, '-n', namespace])
    await running(2, 'app=web')
    const took = seconds(began)
    await nodeRecord(fixture, node, 'IptablesChainMissing', { phase: 'Succeeded' })
    await restartedOnly(fixture, units, [`${node} ${DOCKER}`])
    return `docker was restarted on ${node} only; the pod ran ${took} after the chain was removed`
  },
}

const helper: DemoIncident = {
  name: 'demo-c',
  title: 'C: a volume needs a mount helper that its node lacks',
  runSteps: async (fixture, report) => {
    const { cluster, namespace, apply, eventually } = fixture
    const node = cluster.workers[1] ?? ''
    const label = `${FLAG_PREFIX}MountHelperMissing`
    const isFlagged = async (): Promise<boolean> =>
      (await nodeNamed(fixture, node)).metadata.labels?.[label] !== undefined
    await withoutHelper(fixture, node)
    await forgetting(fixture, node, 'MountHelperMissing')
    await nodePolicy(fixture, ['MountHelperMissing'], [{ type: 'FlagNode' }])
    you(report, `start a pod with an NFS volume on ${node}`)
    const began = Date.now()
    await apply(nfsPod(namespace, node))
    await eventually(async () => {
      if (!(await isFlagged())) throw new Error(`${node} is not flagged`)
    })
    const took = seconds(began)
    you(report, `install the package on ${node}, as the flag says`)
    await installByHand(fixture, node)
    const installed = Date.now()
    await eventually(async () => {
      if (await isFlagged()) throw new Error(`${node} is still flagged`)
    })
    return `${node} was flagged with the package to install after ${took}; the flag was removed ${seconds(installed)} after the install`
  },
}

const typo: DemoIncident = {
  name: 'demo-d',
  title: 'D: an image is mistyped, and the registry answers as for a private image',
  runSteps: async (fixture, report) => {
    await policyThat(fixture, 'Ignore')
    you(report, `start a pod with two containers, one with image ${MISTYPED}; ${MEANT} runs nearby`)
    await breakSite(fixture)
    const { status } = await fixture.record({ phase: 'Held', reason: 'TargetUnverified' })
    const [likeliest] = status?.explanations ?? []
    you(report, `read the explanation in its record: ${likeliest?.kind}, ${likeliest?.message}`)
    you(report, 'allow the policy to apply suggestions')
    const began = Date.now()
    await policyThat(fixture, 'Apply')
    const [pod] = await fixture.running(1, 'app=rss-site')
    const took = seconds(began)
    await fixture.record({ phase: 'Succeeded' })
    return `the image was replaced with ${pod?.spec?.containers?.[1]?.image}; the pod ran ${took} after the policy allowed it`
  },
}

export const DEMO_INCIDENTS: readonly DemoIncident[] = [image, chain, helper, typo]
