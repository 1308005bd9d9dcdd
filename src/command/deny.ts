import { DECISION_OPTIONS, decideOnPlan } from './approve-decision.ts'
import { subcommand } from './subcommand.ts'

export const denyCommand = subcommand(
  {
    name: 'deny',
    synopsis: '(NAME | TYPE/NAME) [options]',
    text:
      'Shows the plan that a Remediation proposes under a policy of mode Approve, and denies it in your name, after ' +
      'asking: the Remediation ends as Cancelled, and nobody is asked about this plan again until it is another one or ' +
      'the Remediation is deleted. You need the verb approve on remediations, as for approving.',
    examples: ['kubectl mend deny coredns-image-5f0c2d1e -n kube-system --reason "the project comes back at noon"'],
  },
  DECISION_OPTIONS,
  (parsed, terminal) => decideOnPlan('Denied', parsed, terminal),
)
