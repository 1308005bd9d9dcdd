import { spawn } from 'node:child_process'

export interface KubectlRun {
  /** Standard input, for `-f -`. */
  readonly input?: string
  /** Another identity's kubeconfig; default the administrator's. */
  readonly kubeconfig?: string
}

/** Runs one kubectl command and gives its standard output. Throws with what it wrote to standard error. */
export type Kubectl = (args: readonly string[], run?: KubectlRun) => Promise<string>

export const kubectlOf =
  (plane: { readonly kubectl: string; readonly kubeconfig: string }): Kubectl =>
  (args, { input, kubeconfig = plane.kubeconfig } = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn(plane.kubectl, ['--kubeconfig', kubeconfig, ...args], {
        stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      })
      let stdout = ''
      let stderr = ''
      child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
        stdout += chunk
      })
      child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
        stderr += chunk
      })
      child.once('error', reject)
      child.once('close', (code) => {
        if (code === 0) resolve(stdout)
        else reject(new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr.trim()}`))
      })
      child.stdin?.on('error', () => {}) // kubectl may end before it has read all; its status says why
      child.stdin?.end(input)
    })
