import { subcommand } from '../subcommand.ts'
import { decideOnPlan, DECISION_OPTIONS } from './decision.ts'

export const approveCommand = subcommand(
  {
    name: 'approve',
    synopsis: '(NAME | TYPE/NAME) [options]',
    text:
      'Shows the plan that a Remediation proposes under a policy of mode Approve, and approves it in your name, after ' +
      'asking. The approval is of this plan and one attempt alone. NAME is that of the Remediation; TYPE/NAME may name ' +
      'the workload. You need the verb approve on remediations: ClusterRole podmend-approver has it.',
    examples: [
      'kubectl mend approve coredns-image-5f0c2d1e -n kube-system',
      'kubectl mend approve deploy/coredns -n kube-system --reason "INC-1234"',
      'kubectl mend approve coredns-image-5f0c2d1e -n kube-system --plan 3f9a12bc44de',
    ],
  },
  DECISION_OPTIONS,
  (parsed, terminal) => decideOnPlan('Approved', parsed, terminal),
)

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
