/** The incidents of the demo, each as somebody lives through it. */
import { FLAG_PREFIX } from '../src/model/names.ts'
import type { Entry } from '../testbed/demo/timeline.ts'
import { loseChain } from './docker-chain.ts'
import { installByHand, nfsPod, withoutHelper } from './mount-helper.ts'
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
} from './nodes.ts'
import { daemonSet, deployment } from './objects.ts'
import { NEW, OLD } from './registries.ts'
import type { Stage } from './scenario.ts'
import { breakSite, MEANT, MISTYPED, policyThat } from './typo.ts'

/** Tells what a person does, or what is seen. */
export type Tell = (entry: Entry) => void

export interface Act {
  /** The end of its namespace's name. */
  readonly name: string
  readonly title: string
  /** Throws what did not end as it must; gives what came of it, in a sentence. */
  play(stage: Stage, tell: Tell): Promise<string>
}

const you = (tell: Tell, text: string): void => tell({ who: 'you', what: 'You', text })
const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`

const image: Act = {
  name: 'demo-a',
  title: `A: a registry's project was renamed, ${OLD} is now ${NEW}`,
  play: async (stage, tell) => {
    you(tell, `let policy act: images below ${OLD} are to be taken from ${NEW}`)
    await stage.policy()
    you(tell, `deploy web with image ${OLD}/web:1, which is not there any more`)
    const began = Date.now()
    await stage.apply(deployment(stage.namespace))
    await stage.running(1, 'app=web')
    const took = seconds(began)
    await stage.record({ phase: 'Succeeded' })
    return `its image was rewritten and it ran ${took} after it was deployed`
  },
}

const chain: Act = {
  name: 'b-demo',
  title: "B: Docker's firewall chain is gone from one node",
  play: async (stage, tell) => {
    const { cluster, namespace, apply, running, kubectl } = stage
    const [node = ''] = cluster.workers
    await forgetting(stage, node, 'IptablesChainMissing')
    await nodePolicy(stage, ['IptablesChainMissing'], [{ type: 'RestartRuntime' }])
    await apply(daemonSet(namespace, { image: RUNS }))
    await running(2, 'app=web')
    const units = await invocations(stage)
    you(tell, `remove chain DOCKER on ${node}, and delete the pod there: its DaemonSet makes another one`)
    const began = Date.now()
    await loseChain(stage, node)
    for (const { metadata } of await podsOn(stage, node))
      await kubectl(['delete', 'pod', metadata.name, '-n', namespace])
    await running(2, 'app=web')
    const took = seconds(began)
    await nodeRecord(stage, node, 'IptablesChainMissing', { phase: 'Succeeded' })
    await restartedOnly(stage, units, [`${node} ${DOCKER}`])
    return `docker was restarted on ${node} and nowhere else; the pod ran ${took} after the chain was gone`
  },
}

const helper: Act = {
  name: 'demo-c',
  title: 'C: a volume needs a program that its node does not have',
  play: async (stage, tell) => {
    const { cluster, namespace, apply, eventually } = stage
    const node = cluster.workers[1] ?? ''
    const label = `${FLAG_PREFIX}MountHelperMissing`
    const isFlagged = async (): Promise<boolean> =>
      (await nodeNamed(stage, node)).metadata.labels?.[label] !== undefined
    await withoutHelper(stage, node)
    await forgetting(stage, node, 'MountHelperMissing')
    await nodePolicy(stage, ['MountHelperMissing'], [{ type: 'FlagNode' }])
    you(tell, `start a pod with an NFS volume on ${node}`)
    const began = Date.now()
    await apply(nfsPod(namespace, node))
    await eventually(async () => {
      if (!(await isFlagged())) throw new Error(`${node} is not flagged`)
    })
    const took = seconds(began)
    you(tell, `do as the flag says: install the package on ${node}`)
    await installByHand(stage, node)
    const installed = Date.now()
    await eventually(async () => {
      if (await isFlagged()) throw new Error(`${node} is still flagged`)
    })
    return `${node} was flagged with the package to install after ${took}; the flag went ${seconds(installed)} after it came`
  },
}

const typo: Act = {
  name: 'demo-d',
  title: 'D: an image is mistyped, and the registry says what it says of private ones',
  play: async (stage, tell) => {
    await policyThat(stage, 'Ignore')
    you(tell, `start a pod of two containers, one with image ${MISTYPED}; ${MEANT} runs near by`)
    await breakSite(stage)
    const { status } = await stage.record({ phase: 'Held', reason: 'TargetUnverified' })
    const [likeliest] = status?.explanations ?? []
    you(tell, `read in its record why: ${likeliest?.kind}, ${likeliest?.says}`)
    you(tell, 'let the policy apply suggestions')
    const began = Date.now()
    await policyThat(stage, 'Apply')
    const [pod] = await stage.running(1, 'app=rss-site')
    const took = seconds(began)
    await stage.record({ phase: 'Succeeded' })
    return `${pod?.spec?.containers?.[1]?.image} was written in its place; the pod ran ${took} after the policy let it`
  },
}

export const ACTS: readonly Act[] = [image, chain, helper, typo]
