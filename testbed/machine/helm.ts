import { goTool } from './go-tool.ts'

/** Path of helm; built once on a machine, which takes a minute or two. */
export const helm = (): Promise<string> => goTool('helm.sh/helm/v4/cmd/helm', 'v4.3.1')
