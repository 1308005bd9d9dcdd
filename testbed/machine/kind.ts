import { installedProgram } from '../build/go-program.ts'

/** Path of kind; built once on a machine, within half a minute. */
export const kind = (): Promise<string> => installedProgram({ name: 'kind', package: 'sigs.k8s.io/kind@v0.33.0' })
