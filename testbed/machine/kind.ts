import { goTool } from './go-tool.ts'

/** Path of kind; built once on a machine, within half a minute. */
export const kind = (): Promise<string> => goTool('sigs.k8s.io/kind', 'v0.33.0')
