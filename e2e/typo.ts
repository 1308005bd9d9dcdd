/** An image whose name is mistyped, beside one that is right. */
import type { Remediation } from '../src/api/kinds.ts'
import { barePod } from './objects.ts'
import type { Fixture } from './scenario.ts'

export const MISTYPED = 'nickchase/rss-php-ngnix:v1'
export const MEANT = 'nickchase/rss-php-nginx:v1'

const rules = [{ from: 'other.example.com/', to: 'another.example.com/' }]
/** A policy whose rules say nothing of them. */
export const policyThat = ({ policy }: Fixture, suggestions: 'Ignore' | 'Apply') =>
  policy({ actions: [{ type: 'RewriteImage', rewriteImage: { rules, suggestions } }] })

/** One container runs, the other's image is mistyped; the intended image runs in a neighbouring pod. */
export const breakSite = async ({ namespace, apply, running, failing }: Fixture) => {
  await apply(barePod(namespace, { name: 'neighbour', image: MEANT }))
  await running(1, 'app=neighbour')
  await apply(
    barePod(namespace, {
      name: 'rss-site',
      podSpec: {
        containers: [
          { name: 'nginx', image: 'nginx:1' },
          { name: 'rss-site', image: MISTYPED },
        ],
      },
    }),
  )
  return failing('app=rss-site')
}

/** The ranked explanations of a record, each with the image it suggests. */
export const explained = ({ status }: Remediation) =>
  (status?.explanations ?? []).map(({ kind, image }) => [kind, image])
