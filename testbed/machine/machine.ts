/** A machine of its own for a test: a root file system that can be written to, with its own mounts and processes. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Run {
  /** The exit status; 128 and more where a signal ended it. */
  readonly status: number
  /** What it printed, on both streams. */
  readonly output: string
}

export interface Machine {
  /** Its root, as this process reads and writes it. */
  readonly root: string
  /** Runs a program there, with this environment and no other. */
  run(argv: readonly string[], env?: Readonly<NodeJS.ProcessEnv>): Promise<Run>
  /** From now on nothing can be written to its root. */
  makeReadOnly(): Promise<void>
  /** Ends all that runs there; nothing is left of it. */
  remove(): Promise<void>
}

/** In namespaces of its own: what is mounted and started here ends with the process that this becomes. */
const START = `
set -e
mount -t tmpfs -o "size=$SIZE" tmpfs "$FOLDER"
mkdir "$FOLDER/upper" "$FOLDER/work" "$FOLDER/root"
mount -t overlay -o "lowerdir=$BASE,upperdir=$FOLDER/upper,workdir=$FOLDER/work" overlay "$FOLDER/root"
mount -t proc proc "$FOLDER/root/proc"
mount --rbind /dev "$FOLDER/root/dev"
mount -t tmpfs tmpfs "$FOLDER/root/run"
read -r pid rest </proc/self/stat
exec chroot "$FOLDER/root" /bin/sh -c "echo $pid; exec /usr/bin/sleep infinity"
`

/** What systemd gives a service. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin'

/** As root, or as root of a user namespace where this is not root. */
const UNSHARE = ['--mount', '--pid', '--fork', '--kill-child', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])]
const ENTER = ['--mount', '--pid', '--root', '--wd', ...(process.getuid?.() === 0 ? [] : ['--user'])]

/**
 * Starts a machine whose root is a copy on write of the folder `base`; `size` bounds what can be written, as in tmpfs(5).
 * Throws with what the kernel refuses, e.g. where this is not root and user namespaces are not allowed.
 */
export const createMachine = async (base: string, size = '512m'): Promise<Machine> => {
  const folder = mkdtempSync(join(tmpdir(), 'podmend-machine-'))
  // It must not outlive the test run, however that ends.
  const args = ['--pdeathsig', 'KILL', 'unshare', ...UNSHARE, 'sh', '-c', START]
  const env = { PATH: process.env['PATH'], BASE: base, FOLDER: folder, SIZE: size }
  const first: ChildProcess = spawn('setpriv', args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(first, 'exit')
  let refused = ''
  first.stderr?.on('data', (text: Buffer) => (refused += text.toString()))
  const failed = ended.then(() => Promise.reject(new Error(`starting a machine: ${refused}`)))
  const [line] = (await Promise.race([once(first.stdout ?? first, 'data'), failed])) as [Buffer]
  failed.catch(() => {})
  const pid = line.toString().trim()

  const enter = (options: readonly string[], argv: readonly string[], given: NodeJS.ProcessEnv = {}): Promise<Run> =>
    new Promise((resolve, reject) => {
      const program = ['--target', pid, ...options, '--', ...argv]
      execFile('/usr/bin/nsenter', program, { env: { PATH, ...given } }, (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number' && !error.signal) {
          return reject(new Error(`running ${argv.join(' ')} on a machine`, { cause: error }))
        }
        resolve({ status: Number(error?.code ?? (error?.signal ? 128 : 0)), output: stdout + stderr })
      })
    })
  return {
    root: `/proc/${pid}/root`,
    run: (argv, given) => enter(ENTER, argv, given),
    makeReadOnly: async () => {
      const { status, output } = await enter(['--mount'], ['mount', '-o', 'remount,ro', join(folder, 'root')])
      if (status !== 0) throw new Error(`making the machine's root read-only: ${output}`)
    },
    remove: async () => {
      first.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
