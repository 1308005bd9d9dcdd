import { installedProgram } from '../build/go-program.ts'

/** Path of helm; built once on a machine, which takes a minute or two. */
export const helmBinary = (): Promise<string> =>
  installedProgram({ name: 'helm', package: 'helm.sh/helm/v4/cmd/helm@v4.3.1' })
