/** The chart's admission policies, as a cluster gets them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from '../api/manifests.ts'

const NAMESPACE = 'podmend-system'

/** The objects of a template; all that Helm fills in there are labels and the namespace. */
export const admissionYaml = async (template: string): Promise<string> => {
  const file = await readFile(join(ROOT, 'charts/podmend/templates', template), 'utf8')
  const text = file
    .replace(/^ +labels:\n +\{\{- include "podmend\.labels" .*\}\}\n/gm, '')
    .replaceAll('{{ .Release.Namespace }}', NAMESPACE)
  if (text.includes('{{')) throw new Error(`${template} has more to fill in than labels and the namespace`)
  return text
}

export const APPROVAL = 'approval-policy.yaml'
export const NODE_TASK = 'agent/node-task-policy.yaml'
export const REMEDIATION = 'remediation-policy.yaml'
