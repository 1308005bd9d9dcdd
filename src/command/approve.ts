import { DECISION_OPTIONS, decideOnPlan } from './approve-decision.ts'
import { subcommand } from './subcommand.ts'

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
