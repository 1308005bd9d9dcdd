import { spawn } from 'node:child_process'

/** Runs a command in a node, with text for its standard input, and gives what it wrote. Throws with its last words. */
export type Exec = (node: string, command: readonly string[], input?: string) => Promise<string>

/** Runs docker with these arguments and gives what it wrote. Throws with its last words. */
export type Docker = (args: readonly string[], input?: string) => Promise<string>

/** docker, speaking to the daemon at `host`. */
export const dockerAt =
  (host: string): Docker =>
  (args, input) =>
    new Promise((resolve, reject) => {
      const child = spawn('docker', args, {
        stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
        env: { ...process.env, DOCKER_HOST: host, DOCKER_BUILDKIT: '0' },
      })
      let [stdout, stderr] = ['', '']
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        stdout += text
      })
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        stderr += text
      })
      child.once('error', reject)
      child.once('close', (code) => {
        if (code === 0) resolve(stdout)
        else reject(new Error(`docker ${args.slice(0, 4).join(' ')} ended with ${code}: ${stderr.trim().slice(-1000)}`))
      })
      child.stdin?.on('error', () => {}) // it may end before it has read all; its status says why
      child.stdin?.end(input)
    })

export const execAt =
  (docker: Docker): Exec =>
  (node, command, input) =>
    docker(['exec', ...(input === undefined ? [] : ['--interactive']), node, ...command], input)

/** Brings an image of the daemon onto a node, under the same name. */
export const loadImage = (host: string, image: string, node: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, DOCKER_HOST: host }
    const save = spawn('docker', ['save', image], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const importing = ['ctr', '--namespace', 'k8s.io', 'images', 'import', '-']
    const load = spawn('docker', ['exec', '--interactive', node, ...importing], {
      env,
      stdio: [save.stdout, 'ignore', 'pipe'],
    })
    let stderr = ''
    load.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    load.once('error', reject)
    load.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`loading ${image} into ${node}: ctr ended with ${code}: ${stderr.trim()}`))
    })
  })
